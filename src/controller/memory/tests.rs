//! What is remembered of a run of which nothing is known.

use super::*;
use crate::controller::testing::{self, Bench};

#[tokio::test]
async fn a_run_of_which_nothing_is_known_is_not_begun_again_at_once_whatever_asked_for_it() {
    let mut bench = Bench::new();
    let mut connection = testing::connection();
    connection
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(crate::api::REQUESTED_AT.to_owned(), "now".to_owned());
    bench.put(&connection);
    bench.put_mapping(&testing::mapping("one"));
    let mut plan = testing::plan("plan", "aa");
    plan.spec.decision = Some(crate::api::plan::Decision::Approved);
    bench.put_plan(&plan);
    let (view, timing) = (bench.fleet.view(&connection), Timing::default());
    let now = testing::at(7200);
    let settled = testing::at(7210);
    bench.fleet.remember(&connection, |memory| {
        assert_eq!(memory.decide(&view, now, &timing), Decision::WaitUntil(settled));
        assert!(matches!(memory.decide(&view, settled, &timing), Decision::Run(_)));
        memory.back_off(Asked::of(&view), settled, &timing);
        let Decision::WaitUntil(then) = memory.decide(&view, settled, &timing) else {
            panic!("it began again at once")
        };
        assert!(then > settled);
    });
}

//! `full_plan`, `full_plan_cel`, `first_sync`: the whole pipeline up to the plan, against the floor.

use std::sync::Mutex;

use directory_sync::sync::{self, Ends, Mode, Options, Outcome, Report, Step, Watch};
use directory_sync_model::{
    expression::{Expression, Subject},
    fingerprint::FingerprintKey,
    limits::Limits,
    rules::{
        Adoption, AttributeRule, AttributeSource, Deprovision, GroupSelector, Mapping, NamePattern, Protect, Rules,
        TeamSelector, UserScope,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    Arguments, child,
    data::{Data, Expected, rest_pages::OWNER},
    ends::{PagesDirectory, PagesPlatform},
    measure::{medians, resident_mib},
};

/// Attributes as plain fields of the person.
const PLAIN: [(&str, &str); 4] = [
    ("title", "user.title"),
    ("department", "user.department"),
    ("costCenter", "user.costCenter"),
    ("tags", "[user.division]"),
];

/// Expressions that have to be evaluated, with the same values for these data.
const COMPUTED: [(&str, &str); 4] = [
    ("title", r#"user.title == "" ? "Employee" : user.title"#),
    ("department", r#"user.department.replace("Dept. ", "")"#),
    ("costCenter", "user.costCenter.upperAscii()"),
    ("tags", "[user.division]"),
];

/// Lets everybody through.
const FILTER: &str = r#"user.active && user.employeeType != "Contractor""#;

/// Measures a plan and its floor alternately and prints the line.
pub fn figure(name: &str, arguments: &Arguments) {
    let data = crate::data(arguments.scale, arguments);
    let floor_name = format!("floor_of_{name}");
    let (mut plans, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        floors.push(child::measured(&floor_name, arguments.scale));
        plans.push(child::measured(name, arguments.scale));
    }
    let (plan, floor) = (medians(&plans), medians(&floors));
    println!(
        "bench {name} ratio={:.2} peak_mib={:.0} cpu_ratio={:.2} seconds={:.2} floor_seconds={:.2} floor_peak_mib={:.0} \
         users={} groups={} memberships={}",
        plan.seconds / floor.seconds,
        plan.peak_mib,
        plan.cpu / floor.cpu,
        plan.seconds,
        floor.seconds,
        floor.peak_mib,
        data.shape.users,
        data.shape.groups,
        data.shape.memberships,
    );
}

/// What a plan of this name is to find.
pub fn expected(name: &str, data: &Data) -> Expected {
    match name {
        "first_sync" => Expected {
            created: data.shape.users,
            added: data.shape.memberships,
            ..Expected::default()
        },
        _ => data.expected(),
    }
}

/// Works out the plan; returns what it found and how long its steps took.
pub fn run(name: &str, data: &Data) -> (Expected, String) {
    let same = || Data {
        folder: data.folder.clone(),
        shape: data.shape,
    };
    let ends = Ends {
        directory: Box::new(PagesDirectory::new(same())),
        platform: Box::new(PagesPlatform::new(same(), name == "first_sync")),
    };
    let rules = rules(name == "full_plan_cel");
    let memory = Memory::default();
    let report = runtime().block_on(report(&ends, &rules, Mode::Observe, &memory));
    assert_eq!(report.outcome, Outcome::Observed, "{:?}", report.error);
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    let planned = report.planned;
    let found = Expected {
        created: planned.users_created,
        updated: planned.users_updated,
        left: planned.users_deactivated,
        added: planned.team_memberships_added,
        // Whoever is deactivated leaves the one team that he is in.
        removed: planned.team_memberships_removed - planned.users_deactivated,
    };
    (found, steps(&report, &memory))
}

/// The resident size at the begin of each step, in MiB.
#[derive(Default)]
struct Memory(Mutex<Vec<(Step, f64)>>);

impl Watch for Memory {
    fn step(&self, step: Step) {
        self.0.lock().unwrap().push((step, resident_mib()));
    }
}

/// A plan, or a whole sync.
pub async fn report(ends: &Ends, rules: &Rules, mode: Mode, watch: &dyn Watch) -> Report {
    let key = FingerprintKey::new(fastrand::u64(..), fastrand::u64(..));
    let options = Options::new(sync::new_id(), mode, std::time::SystemTime::now(), key);
    sync::run(
        ends,
        rules,
        &options,
        &sync::MemoryLedger::new(),
        &CancellationToken::new(),
        watch,
    )
    .await
}

/// The runtime of the operator and of the command line.
pub fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// How long one step took, in seconds.
pub fn seconds_of(report: &Report, step: Step) -> Option<f64> {
    let found = report.durations.iter().find(|(of, _)| *of == step);
    found.map(|(_, duration)| duration.as_secs_f64())
}

/// How long each step took, and how large the process was when it began.
fn steps(report: &Report, memory: &Memory) -> String {
    let memory = memory.0.lock().unwrap();
    let steps = memory.iter().map(|(step, mib)| {
        let seconds = seconds_of(report, *step).unwrap_or_default();
        format!("{step:?}={seconds:.2}s/{mib:.0}MiB")
    });
    steps.collect::<Vec<_>>().join(" ")
}

/// The specification that the data were made with.
pub fn rules(computed: bool) -> Rules {
    let attributes = if computed { COMPUTED } else { PLAIN };
    let attributes = attributes.map(|(name, expression)| AttributeRule {
        name: name.to_owned(),
        source: AttributeSource::Expression(Expression::compile_attribute(expression, Subject::User).unwrap()),
    });
    Rules {
        owner: OWNER.to_owned(),
        scope: UserScope::MappedGroups,
        filter: computed.then(|| Expression::compile_filter(FILTER, Subject::User).unwrap()),
        attributes: attributes.into(),
        default_role: Some("member".to_owned()),
        allowed_roles: None,
        adoption: Adoption::Email,
        from_owners: std::collections::BTreeSet::new(),
        deprovision: Deprovision::Deactivate,
        protect: Protect::default(),
        limits: Limits::default(),
        mappings: vec![Mapping {
            name: "teams".to_owned(),
            group: GroupSelector::NameRegex(NamePattern::new("team-.+").unwrap()),
            team: Some(TeamSelector::NameExpression(
                Expression::compile_text("group.name", Subject::Group).unwrap(),
            )),
            create_team: true,
            role: None,
            inboxes: Vec::new(),
            priority: 0,
            suspended: false,
            removals: None,
        }],
    }
}

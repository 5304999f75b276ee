//! One life of one or more operators: the shipped [`controller::run`], on a runtime of one thread whose clock stands still while
//! anything happens.

use std::sync::Arc;
use std::time::Duration;

use directory_sync::controller::{self, ControllerConfig, Timing};
use directory_sync::http::{Network, NetworkPolicy};
use futures::future::{BoxFuture, FutureExt as _, pending, select_all};

use crate::ledger::StoreOnLine;
use crate::line::Line;
use crate::world::NAMESPACE;

/// Longer than the operator ever waits for anything but its next interval. It costs nothing: nobody waits in truth.
const QUIET: Duration = Duration::from_mins(4);

/// How often something may go on happening.
const ROUNDS: usize = 100;

/// How a life ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was quiet, and nobody had anything more to do.
    Quiet,
    /// A crash, at this call.
    Crashed(String),
    /// Something went on and on.
    Restless,
}

/// What may be reached by a line: whatever is at its other end.
pub fn network(line: &Arc<Line>) -> Network {
    let policy = NetworkPolicy {
        allow_insecure: true,
        ..NetworkPolicy::default()
    };
    Network::in_process(policy, Arc::clone(line) as _)
}

/// What the operator is told: nothing is waited for that goes by the clock on the wall.
fn config(line: &Arc<Line>, store: StoreOnLine) -> ControllerConfig {
    ControllerConfig {
        http_listen: ([127, 0, 0, 1], 0).into(),
        namespace: Some(NAMESPACE.to_owned()),
        network: network(line),
        timing: Timing {
            settle: Duration::ZERO,
            first_retry: Duration::ZERO,
            max_retry: Duration::ZERO,
            ..Timing::default()
        },
        ledgers: Arc::new(store),
        ..ControllerConfig::default()
    }
}

/// Something that a person does on a command line, once, before an operator starts.
pub type Command = fn(Arc<Line>) -> BoxFuture<'static, ()>;

/// Runs an operator on each line until one of them crashes, or until all is quiet and `person` does nothing more about it:
/// he is asked whenever it is quiet. Nothing of the operators is left then but what they wrote down. On the first line a
/// command goes before its operator, where there is one.
pub fn live(lines: &[Arc<Line>], command: Option<Command>, mut person: impl FnMut() -> bool) -> End {
    // The same in each trial, and no other life's.
    fastrand::seed(lines[0].world().next_life());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let operators = lines.iter().enumerate().map(|(at, line)| {
            let (line, client) = (Arc::clone(line), line.client());
            let command = command.filter(|_| at == 0);
            tokio::spawn(async move {
                if let Some(command) = command {
                    command(Arc::clone(&line)).await;
                }
                let store = StoreOnLine::open(&line).await;
                controller::run(config(&line, store), client, pending()).await
            })
        });
        let mut operators = select_all(operators.collect::<Vec<_>>()).fuse();
        let crash = select_all(lines.iter().map(|line| line.crashed().boxed_local()));
        let quiet = async {
            for _ in 0..ROUNDS {
                if is_quiet(lines).await && !person() {
                    return End::Quiet;
                }
            }
            End::Restless
        };
        let end = tokio::select! {
            biased;
            (call, ..) = crash => End::Crashed(call),
            (ended, ..) = &mut operators => panic!("the operator ended by itself: {ended:?}"),
            end = quiet => end,
        };
        lines[0].world().database.leave();
        end
    })
}

async fn is_quiet(lines: &[Arc<Line>]) -> bool {
    let acts = || lines.iter().map(|line| line.acts()).sum::<usize>();
    let before = acts();
    tokio::time::sleep(QUIET).await;
    acts() == before
}

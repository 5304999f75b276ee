//! `apply`: how much longer than its rate allows a sync takes to write.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use directory_sync::{
    call::{CallMetrics, CallPolicy, LayeredPlatform, Limiter},
    http::{Network, NetworkPolicy},
    platform::{
        Capability, Error, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, Platform, TeamPatch,
        UserDeletion, UserPatch, WriteKey,
        rest::{Config, RestPlatform},
        server::{ServerConfig, TokenConfig, serve},
    },
    sync::{Ends, Mode, Outcome, Step},
};
use directory_sync_model::observed::Observer;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::{
    Arguments,
    data::Data,
    ends::PagesDirectory,
    measure::median,
    plan::{report, rules, runtime, seconds_of},
    testbed,
};

/// Requests a second.
const RATE: u32 = 500;

/// Writes at once: so many that the rate limits, not how long the server's disk takes to answer each.
const CONCURRENCY: usize = 32;

const TOKEN: &str = "bench-token";

/// Ten thousand creations at scale 1, at least 1,000. Every round begins with an empty platform.
pub fn figure(arguments: &Arguments) {
    let scale = (arguments.scale * 0.01).max(0.001);
    let users = crate::data(scale, arguments).shape.users;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let ideal = users as f64 / f64::from(RATE);
    let rounds = arguments.rounds.min(3);
    let seconds = median((0..rounds).map(|_| runtime().block_on(round(Data::of_scale(scale)))));
    println!(
        "bench apply ratio={:.3} seconds={seconds:.2} ideal_seconds={ideal:.2} creations={users} rate={RATE} concurrency={CONCURRENCY}",
        seconds / ideal
    );
}

async fn round(data: Data) -> f64 {
    let users = data.shape.users;
    let folder = testbed::temporary_folder();
    let config = ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database: folder.path().join("platform.db"),
        tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
        rate: None,
        seats: None,
    };
    let (ready, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(
        config,
        move |address| ready.send(address).expect("we wait for the address"),
        async move { drop(stopped.await) },
    ));
    let address = address.await.expect("the server starts");
    let ends = Ends {
        directory: Box::new(PagesDirectory::new(data)),
        platform: Box::new(paced(address)),
    };
    let mut rules = rules(false);
    // People alone: no team, no membership.
    rules.mappings[0].team = None;
    let report = report(&ends, &rules, Mode::Apply, &()).await;
    assert_eq!(
        report.outcome,
        Outcome::Synced,
        "{:?} {:?}",
        report.error,
        report.failures.first()
    );
    assert_eq!(report.done.users_created, users);
    drop(stop);
    server.await.unwrap().unwrap();
    seconds_of(&report, Step::Apply).expect("something was written")
}

/// The platform with all layers, as a sync has it.
fn paced(address: SocketAddr) -> LayeredPlatform {
    let network = Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: Vec::new(),
    });
    let url = format!("http://{address}").parse().unwrap();
    let mut config = Config::new(url, SecretString::from(TOKEN));
    config.insecure_http = true;
    config.concurrency = CONCURRENCY;
    let policy = CallPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
        limiter: Arc::new(Limiter::new(Some(RATE))),
        metrics: Arc::new(CallMetrics::new(&prometheus::Registry::new()).unwrap()),
        side: "platform",
        provider: "rest",
    };
    LayeredPlatform::new(Box::new(OneByOne(RestPlatform::new(config, &network).unwrap())), policy)
}

/// A platform that takes one user a request.
struct OneByOne(RestPlatform);

#[async_trait]
impl Platform for OneByOne {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn capability(&self) -> Capability {
        Capability {
            users_per_request: 1,
            ..self.0.capability()
        }
    }

    async fn identity(&self) -> Result<Identity, Error> {
        self.0.identity().await
    }

    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error> {
        self.0.read(part, cursor, observer).await
    }

    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        self.0.create_team(team, owner, key).await
    }

    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        self.0.update_team(team, key).await
    }

    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        self.0.create_users(users, key).await
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        self.0.update_users(users, key).await
    }

    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        self.0.delete_users(users, key).await
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.0.change_memberships(changes, owner, key).await
    }
}

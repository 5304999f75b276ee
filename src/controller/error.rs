//! Why the operator doesn't run, or couldn't look after one object this time.

use std::net::SocketAddr;

use crate::api::reference::InvalidNameError;

/// Why the operator doesn't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no cluster to talk to.
    #[error("no Kubernetes cluster is configured: set KUBECONFIG, or run in a pod with a ServiceAccount")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client can't be made of what the kubeconfig says.
    #[error("the Kubernetes client can't be set up")]
    Client(#[source] Box<kube::Error>),
    /// The address is taken, or isn't this machine's.
    #[error("can't listen on {address} for /metrics and /healthz")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A watch or a reconciler ended although nobody told it to; a mistake of this program.
    #[error("a part of the operator ended by itself; report what its log says, and start it again")]
    Part(#[source] Option<tokio::task::JoinError>),
    /// A metric can't be registered; a mistake of this program.
    #[error("the metrics can't be set up")]
    Metrics(#[from] prometheus::Error),
}

/// Why an object couldn't be looked after this time. It is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The API server refused or failed.
    #[error("{action}")]
    Kube {
        /// What was being done.
        action: &'static str,
        /// The client's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server didn't answer.
    #[error("{action}: the API server did not answer within {seconds} s")]
    Timeout {
        /// What was being done.
        action: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The object is gone, or another one has its name now.
    #[error("{action}: the object is gone, or another one has its name now")]
    Gone {
        /// What was being done.
        action: &'static str,
    },
    /// Somebody else comes before us again and again.
    #[error("{action}: somebody else changes the object again and again")]
    Contested {
        /// What was being done.
        action: &'static str,
    },
    /// A connection's name can't stand in a plan.
    #[error(transparent)]
    Name(#[from] InvalidNameError),
    /// Every name that a new plan could have is another plan's.
    #[error("no SyncPlan can be created: every name that begins with {prefix} is taken; delete some of them")]
    NamesTaken {
        /// What the names begin with.
        prefix: String,
    },
    /// The code of this very program failed.
    #[error("the operator failed on this object")]
    Panic(#[source] tokio::task::JoinError),
}

impl ReconcileError {
    /// Whether the API server says that nothing can be created in the namespace any more, because it is being deleted.
    pub fn is_of_a_terminating_namespace(&self) -> bool {
        let Self::Kube { source, .. } = self else { return false };
        let kube::Error::Api(status) = &**source else {
            return false;
        };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        status.is_forbidden() && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// Whether the object is gone, or is another one of the same name.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Kube { source, .. } => {
                matches!(&**source, kube::Error::Api(status) if status.is_not_found() || status.is_conflict())
            }
            Self::Gone { .. } => true,
            Self::Timeout { .. }
            | Self::Contested { .. }
            | Self::Name(_)
            | Self::NamesTaken { .. }
            | Self::Panic(_) => false,
        }
    }

    /// Whether the API server says that the object isn't any more as it was seen.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Kube { source, .. } if matches!(&**source, kube::Error::Api(status) if status.is_conflict()))
    }
}

//! The three kinds, as Rust types: the one source of the custom resource definitions, their reference page and their rules.
//!
//! | kind | written by | file |
//! | --- | --- | --- |
//! | [`DirectoryConnection`] | people | [`connection`] |
//! | [`GroupMapping`] | people | [`mapping`] |
//! | [`SyncPlan`] | the operator; people decide it | [`plan`] |
//!
//! Doc comments on fields are what `kubectl explain` shows: they give units, defaults and limits, and carry no links.
//! Rules that the schema alone can't say are CEL rules with a message of their own ([`admission`] applies them without an
//! API server). Conditions and reasons are one table ([`condition`]). [`crds`] writes everything that is generated.

// Doc comments of fields are shown by `kubectl explain`, which knows no Markdown.
#![expect(clippy::doc_markdown)]
#![allow(rustdoc::bare_urls)]

pub mod admission;
pub mod condition;
pub mod connection;
pub mod crds;
pub mod duration;
pub mod fields;
pub mod mapping;
pub mod plan;
pub mod platform;
pub mod provider;
pub mod reference;
pub mod schema;
pub mod status;

pub use connection::{DirectoryConnection, DirectoryConnectionSpec, DirectoryConnectionStatus};
pub use mapping::{GroupMapping, GroupMappingSpec, GroupMappingStatus};
pub use plan::{SyncPlan, SyncPlanSpec, SyncPlanStatus};

/// The API group of the kinds.
pub const GROUP: &str = "directory-sync.io";
/// The one version of the kinds.
pub const VERSION: &str = "v1alpha1";
/// Annotation that asks for a sync: any new value does. Its removal asks for nothing.
pub const REQUESTED_AT: &str = "directory-sync.io/requestedAt";
/// Finalizer of connections whose deletion policy is Deprovision.
pub const DEPROVISION_FINALIZER: &str = "directory-sync.io/deprovision";
/// Label of plans that have no owner, because their connection is being deleted: its uid.
pub const CONNECTION_UID: &str = "directory-sync.io/connection-uid";
/// Field manager of everything that the controller writes.
pub const CONTROLLER_MANAGER: &str = "directory-sync";

/// The one way that is set, of several that exclude each other; `None` unless it is exactly one.
fn the_one<T>(ways: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut set = ways.into_iter().flatten();
    match (set.next(), set.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

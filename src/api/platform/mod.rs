//! Where people go: one struct per kind of platform, exactly one of which is set.

pub mod rest;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

pub use rest::RestPlatform;

use super::reference::KeyRef;

/// The platform whose users, teams, roles and inboxes are kept in step: exactly one, `rest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("[has(self.rest)].exists_one(x, x)", "exactly one platform must be set: rest"))]
pub struct Platform {
    /// A platform that speaks directory-sync's own REST contract (src/platform/rest/openapi.yaml).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestPlatform>,
}

/// The one platform that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformSpec<'a> {
    /// `spec.platform.rest`
    Rest(&'a RestPlatform),
}

impl Platform {
    /// The platform that is set; `None` unless it is exactly one, which the schema's rule and
    /// [`admit`](super::admission::admit) refuse.
    pub fn selected(&self) -> Option<PlatformSpec<'_>> {
        let Self { rest } = self;
        rest.as_ref().map(PlatformSpec::Rest)
    }
}

impl<'a> PlatformSpec<'a> {
    /// The platform's name: its field under `spec.platform`, and the value of metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest(_) => "rest",
        }
    }

    /// Every Secret and `ConfigMap` key that this platform needs.
    pub fn references(self) -> Vec<KeyRef<'a>> {
        match self {
            Self::Rest(rest) => rest.references(),
        }
    }
}

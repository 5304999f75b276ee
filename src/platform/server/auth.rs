//! Who calls: bearer tokens and their accounts.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use sqlx::{SqliteConnection, SqlitePool};

use super::{ServerError, answer::Failure, config::TokenConfig, id::IdKind, roles, users};
use crate::platform::rest::wire::{AccountKind, Problem, ProblemKind};

/// What a token may be used for.
const OBJECTS: [&str; 5] = ["users", "teams", "roles", "inboxes", "memberships"];

/// Who calls.
#[derive(Debug)]
pub(super) struct Caller {
    /// A user's id or `svc_…`.
    pub(super) account: String,
    pub(super) kind: AccountKind,
    /// The row of the account's role.
    pub(super) role: i64,
    may_write: bool,
}

impl Caller {
    /// Fails unless the caller may write.
    pub(super) fn check_write(&self) -> Result<(), Problem> {
        if self.may_write {
            return Ok(());
        }
        let detail = "the token may only read; use one of an administrator that isn't read-only";
        Err(Problem::new(ProblemKind::Forbidden).with_detail(detail))
    }

    /// `users:read`, …
    pub(super) fn permissions(&self) -> Vec<String> {
        let verbs: &[&str] = if self.may_write { &["read", "write"] } else { &["read"] };
        OBJECTS
            .iter()
            .flat_map(|object| verbs.iter().map(move |verb| format!("{object}:{verb}")))
            .collect()
    }
}

/// The tokens by their SHA-256, so that looking one up tells nothing about the others by its time.
pub(super) struct Tokens {
    by_digest: HashMap<[u8; 32], Token>,
}

struct Token {
    index: usize,
    account: Account,
    read_only: bool,
}

enum Account {
    Service {
        id: String,
        role: i64,
        administrator: bool,
    },
    /// The row of the user, whose role and state are looked up at each request: they can change.
    User(i64),
}

impl Tokens {
    /// Finds the tokens' roles and accounts, and creates the users among the accounts that there aren't yet.
    pub(super) async fn set_up(configs: &[TokenConfig], db: &mut SqliteConnection) -> Result<Self, ServerError> {
        let mut by_digest = HashMap::new();
        for (index, config) in configs.iter().enumerate() {
            let unknown = || ServerError::UnknownRole {
                account: config.account.clone(),
                role: config.role.clone(),
            };
            let role = roles::find_by_name(db, &config.role)
                .await
                .map_err(ServerError::SetUp)?
                .ok_or_else(unknown)?;
            let account = if config.is_user() {
                Account::User(
                    users::ensure(db, &config.account, role.row)
                        .await
                        .map_err(ServerError::SetUp)?,
                )
            } else {
                let id = format!("svc_{}", config.account);
                Account::Service {
                    id,
                    role: role.row,
                    administrator: role.administrator,
                }
            };
            let token = Token {
                index,
                account,
                read_only: config.read_only,
            };
            by_digest.insert(Sha256::digest(config.token.expose_secret()).into(), token);
        }
        if by_digest.is_empty() {
            Err(ServerError::NoToken)
        } else {
            Ok(Self { by_digest })
        }
    }

    /// The token that a request carries.
    pub(super) fn find(&self, headers: &HeaderMap) -> Result<Known<'_>, Problem> {
        let refused = |detail| Problem::new(ProblemKind::Unauthorized).with_detail(detail);
        let value = headers
            .get(AUTHORIZATION)
            .ok_or_else(|| refused("send `Authorization: Bearer TOKEN`"))?;
        let (scheme, token) = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused("the scheme must be Bearer"));
        }
        let digest: [u8; 32] = Sha256::digest(token.trim()).into();
        self.by_digest
            .get(&digest)
            .map(Known)
            .ok_or_else(|| refused("the token isn't known"))
    }
}

/// A token that is known.
pub(super) struct Known<'a>(&'a Token);

impl Known<'_> {
    /// Its place in the configuration.
    pub(super) fn index(&self) -> usize {
        self.0.index
    }

    /// Whose it is now.
    pub(super) async fn caller(&self, readers: &SqlitePool) -> Result<Arc<Caller>, Failure> {
        let (account, kind, role, administrator) = match &self.0.account {
            Account::Service {
                id,
                role,
                administrator,
            } => (id.clone(), AccountKind::Service, *role, *administrator),
            Account::User(row) => {
                let mut db = readers.acquire().await?;
                let standing = users::standing(&mut db, *row).await?;
                let Some(standing) = standing.filter(|standing| standing.active) else {
                    let detail = "the account of this token was deactivated";
                    return Err(Problem::new(ProblemKind::Unauthorized).with_detail(detail).into());
                };
                (
                    IdKind::User.encode(*row),
                    AccountKind::User,
                    standing.role,
                    standing.administrator,
                )
            }
        };
        Ok(Arc::new(Caller {
            account,
            kind,
            role,
            may_write: administrator && !self.0.read_only,
        }))
    }
}

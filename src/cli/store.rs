//! Durable state on the command line: which store, and the plans that wait in it.

use std::io;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;

use super::{
    Exit,
    args::{PlanArguments, StoreArguments},
    error::Error,
    render::{self, Paint, Shown},
    written,
};
use crate::{
    store::{Access, Held, Store},
    sync::ledger::Removal,
};

/// Opens the store that was named, if one was.
pub(super) async fn open(arguments: &StoreArguments, access: Access) -> Result<Option<Store>, Error> {
    let Some(store) = named(arguments, access)? else {
        return Ok(None);
    };
    store.ensure().await?;
    Ok(Some(store))
}

/// The store that was named, if one was, to be opened at its first use.
pub(super) fn named(arguments: &StoreArguments, access: Access) -> Result<Option<Store>, Error> {
    let Some(address) = &arguments.store else {
        return match &arguments.store_password_file {
            Some(_) => Err(Error::Usage(
                "--store-password-file needs --store, which says whose password it is".to_owned(),
            )),
            None => Ok(None),
        };
    };
    let password = match &arguments.store_password_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
        }
    };
    Ok(Some(Store::at(address, password.as_ref(), access)?))
}

/// The store that a command can't do without.
pub(super) async fn need(arguments: &StoreArguments, access: Access) -> Result<Store, Error> {
    let store = need_named(arguments, access)?;
    store.ensure().await?;
    Ok(store)
}

/// The same, to be opened at its first use.
pub(super) fn need_named(arguments: &StoreArguments, access: Access) -> Result<Store, Error> {
    let missing = || {
        Error::Usage("--store URL is missing (or DIRECTORY_SYNC_STORE): the same one that the operator has".to_owned())
    };
    named(arguments, access)?.ok_or_else(missing)
}

/// `plan --held`: what waits, in full.
pub(super) async fn held(arguments: &PlanArguments) -> Result<Exit, Error> {
    let store = need(&arguments.store, Access::Read).await?;
    let namespace = arguments.namespace.as_deref();
    let connection = match &arguments.held_connection {
        Some(name) if name.contains('/') => Some(name.clone()),
        Some(name) => Some(format!("{}/{name}", namespace.unwrap_or("default"))),
        None => None,
    };
    let mut held = store.held(connection.as_deref()).await?;
    let whose = match (&connection, namespace) {
        (Some(connection), _) => format!(" for {connection}"),
        (None, Some(namespace)) => {
            let prefix = format!("{namespace}/");
            held.retain(|held| held.connection.starts_with(&prefix));
            format!(" in namespace {namespace}")
        }
        (None, None) => String::new(),
    };
    let view = HeldView {
        plans: held.iter().map(HeldPlanView::of).collect(),
    };
    let mut out = io::stdout().lock();
    let paint = Paint::of(&out);
    written(render::write(arguments.output, &view, &mut out, |out| {
        table(&view, &whose, paint, out)
    }))?;
    Ok(if view.plans.is_empty() {
        Exit::Done
    } else {
        Exit::Planned
    })
}

/// What `plan --held` writes.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeldView {
    /// The plans that wait, by connection, the oldest first.
    plans: Vec<HeldPlanView>,
}

/// A plan that waits.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldPlanView {
    /// Whose it is, `NAMESPACE/NAME`.
    connection: String,
    /// The hash of the removals: what is approved.
    hash: String,
    /// The id of the sync that held it.
    sync: String,
    /// When that was, in RFC 3339.
    hold_time: String,
    /// Why it is held.
    reasons: Vec<String>,
    /// Every removal.
    removals: Vec<RemovalView>,
}

/// One removal.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct RemovalView {
    /// Of what: `users` (deactivated), `deletions`, `roles`, `teamMemberships` or `inboxMemberships`.
    kind: &'static str,
    /// Whose, by the directory's id; empty where it has none.
    id: String,
    /// His name and address; empty where they aren't known.
    user: String,
    /// Whose, by the platform's id.
    platform_id: String,
    /// What is taken: the team, the inbox or the role; of a user, why he goes.
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    /// The role that takes the place of another one.
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
}

impl From<&Removal> for RemovalView {
    fn from(removal: &Removal) -> Self {
        Self {
            kind: removal.kind.label(),
            id: removal.directory_id.clone(),
            user: removal.text.clone(),
            platform_id: removal.user.clone(),
            from: removal.from.clone(),
            to: removal.to.clone(),
        }
    }
}

impl HeldPlanView {
    fn of(held: &Held) -> Self {
        let at = jiff::Timestamp::try_from(held.plan.at).unwrap_or_default();
        Self {
            connection: held.connection.clone(),
            hash: held.plan.hash.clone(),
            sync: held.plan.sync.clone(),
            hold_time: format!("{at:.0}"),
            reasons: held.plan.reasons.clone(),
            removals: held.removals.iter().map(RemovalView::from).collect(),
        }
    }
}

fn table(view: &HeldView, whose: &str, paint: Paint, out: &mut dyn io::Write) -> io::Result<()> {
    if view.plans.is_empty() {
        return writeln!(out, "No plan waits{}.", Shown(whose));
    }
    for plan in &view.plans {
        writeln!(
            out,
            "{}: plan {} has waited since {}",
            Shown(&plan.connection),
            paint.yellow(&plan.hash),
            plan.hold_time
        )?;
        for reason in &plan.reasons {
            writeln!(out, "  {}", Shown(reason))?;
        }
        for removal in &plan.removals {
            let RemovalView {
                kind,
                id,
                user,
                platform_id,
                from,
                to,
            } = removal;
            let who = [user, id, platform_id].into_iter().find(|text| !text.is_empty());
            let who = Shown(who.map_or("", String::as_str)).to_string();
            let what = match (from.as_str(), to.as_str()) {
                ("", "") => String::new(),
                (from, "") => format!(": {from}"),
                (from, to) => format!(": {from} becomes {to}"),
            };
            writeln!(out, "  - {kind} {who}{}", Shown(&what))?;
        }
    }
    Ok(())
}

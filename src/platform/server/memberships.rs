//! `/v1/memberships`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use futures::FutureExt;
use serde_json::Value;
use sqlx::{Row, SqliteConnection};

use super::{
    App,
    answer::{Answer, Failure},
    check::{Check, LINE},
    id::{IdKind, decode_digits},
    json,
    page::{Params, bad_cursor, count, invalid, page},
    request::WriteRequest,
};
use crate::platform::rest::wire::{
    BatchResults, MAX_MEMBERSHIP_BATCH, Mark, Membership, MembershipChange, MembershipKind, MembershipOp,
    MembershipResult, Problem, ProblemKind,
};

/// The most owners whose marks one change replaces.
const REPLACED: usize = 16;

/// The statements for one kind of container.
struct Table {
    id: IdKind,
    counter: &'static str,
    list: &'static str,
    add: &'static str,
    adopt: &'static str,
    remove: &'static str,
    has_container: &'static str,
}

const TEAMS: Table = Table {
    id: IdKind::Team,
    counter: "team_members",
    list: "SELECT container, user, owner FROM team_members WHERE (container, user) > (?, ?) ORDER BY container, user LIMIT ?",
    add: "INSERT INTO team_members (container, user, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    adopt: "UPDATE team_members SET owner = ?3 WHERE container = ?1 AND user = ?2 AND owner = ?4 AND owner <> ?3",
    remove: "DELETE FROM team_members WHERE container = ? AND user = ?",
    has_container: "SELECT 1 FROM teams WHERE id = ?",
};

const INBOXES: Table = Table {
    id: IdKind::Inbox,
    counter: "inbox_members",
    list: "SELECT container, user, owner FROM inbox_members WHERE (container, user) > (?, ?) ORDER BY container, user LIMIT ?",
    add: "INSERT INTO inbox_members (container, user, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    adopt: "UPDATE inbox_members SET owner = ?3 WHERE container = ?1 AND user = ?2 AND owner = ?4 AND owner <> ?3",
    remove: "DELETE FROM inbox_members WHERE container = ? AND user = ?",
    has_container: "SELECT 1 FROM inboxes WHERE id = ?",
};

fn table(kind: MembershipKind) -> &'static Table {
    match kind {
        MembershipKind::Team => &TEAMS,
        MembershipKind::Inbox => &INBOXES,
    }
}

/// `GET /v1/memberships`
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Answer, Problem> {
    let params = Params::read(query.as_deref(), &["kind", "cursor", "limit"])?;
    let table = match params.get("kind") {
        Some("team") => &TEAMS,
        Some("inbox") => &INBOXES,
        Some(_) => return Err(invalid("kind", "must be `team` or `inbox`")),
        None => return Err(invalid("kind", "is required: `team` or `inbox`")),
    };
    let limit = params.limit()?;
    let after = match params.get("cursor") {
        None => (0, 0),
        Some(cursor) => position(cursor).ok_or_else(bad_cursor)?,
    };
    Ok(read_page(&app, table, limit, after).await?)
}

/// A cursor is the digits of the container and of the user of the last membership, with a dot between them.
fn position(cursor: &str) -> Option<(i64, i64)> {
    let (container, user) = cursor.split_once('.')?;
    Some((decode_digits(container)?, decode_digits(user)?))
}

fn cursor(last: &Membership) -> String {
    let digits = |id: &str| id.rsplit('_').next().map(str::to_owned).unwrap_or_default();
    format!("{}.{}", digits(&last.container), digits(&last.user))
}

async fn read_page(app: &App, table: &Table, limit: u32, after: (i64, i64)) -> Result<Answer, Failure> {
    let mut tx = app.readers.begin().await?;
    let total = count(&mut tx, table.counter).await?;
    let rows = sqlx::query(table.list)
        .bind(after.0)
        .bind(after.1)
        .bind(limit + 1)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(Membership {
            container: table.id.encode(row.try_get(0)?),
            user: IdKind::User.encode(row.try_get(1)?),
            mark: row.try_get::<Option<String>, _>(2)?.map(|owner| Mark { owner }),
        });
    }
    Answer::ok(&page(items, limit, total, cursor))
}

/// `POST /v1/memberships:batch`
pub(super) async fn batch(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let items = request.items(MAX_MEMBERSHIP_BATCH)?;
    let items: Vec<_> = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| Change::check(item, &format!("/items/{index}")))
        .collect();
    app.write(request, move |db, _now| {
        async move {
            let mut results = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let outcome = match item {
                    Ok(change) => change.apply(db, index).await,
                    Err(problem) => Err(problem.into()),
                };
                results.push(match outcome {
                    Ok(changed) => MembershipResult::Done { changed },
                    Err(Failure::Problem(error)) => MembershipResult::Failed { error: *error },
                    Err(failure) => return Err(failure),
                });
            }
            Answer::ok(&BatchResults { results })
        }
        .boxed()
    })
    .await
}

/// A change of one membership, within the bounds of the contract.
struct Change {
    table: &'static Table,
    op: MembershipOp,
    container: i64,
    user: i64,
    owner: Option<String>,
    /// Owners whose marks are replaced.
    replaced: Vec<String>,
}

impl Change {
    /// Checks the item that stands at `pointer` of the body.
    fn check(item: Value, pointer: &str) -> Result<Self, Problem> {
        let MembershipChange {
            op,
            kind,
            container,
            user,
            mark,
            replace_marks_of: replaced,
        } = json::parse_item(item, pointer)?;
        let table = table(kind);
        let mut check = Check::at(pointer);
        check.mark(mark.as_ref());
        if op == MembershipOp::Remove && mark.is_some() {
            check.fault("/mark", "is for memberships that are added");
        }
        if replaced.len() > REPLACED {
            let detail = format!("has {} items, at most {REPLACED} are allowed", replaced.len());
            check.fault("/replaceMarksOf", detail);
        }
        if !replaced.is_empty() && mark.is_none() {
            check.fault("/replaceMarksOf", "is for memberships that are added with a mark");
        }
        for (index, owner) in replaced.iter().enumerate().take(REPLACED) {
            check.line(&format!("/replaceMarksOf/{index}"), owner, 1..=LINE);
        }
        check.finish()?;
        let no_container = || not_found(&format!("{pointer}/container"), kind_name(table));
        let no_user = || not_found(&format!("{pointer}/user"), "user");
        let container = table.id.decode(&container).ok_or_else(no_container)?;
        let user = IdKind::User.decode(&user).ok_or_else(no_user)?;
        Ok(Self {
            table,
            op,
            container,
            user,
            owner: mark.map(|mark| mark.owner),
            replaced,
        })
    }

    /// Says whether the membership changed.
    async fn apply(self, db: &mut SqliteConnection, index: usize) -> Result<bool, Failure> {
        let statement = match self.op {
            MembershipOp::Add => sqlx::query(self.table.add)
                .bind(self.container)
                .bind(self.user)
                .bind(&self.owner),
            MembershipOp::Remove => sqlx::query(self.table.remove).bind(self.container).bind(self.user),
        };
        match statement.execute(&mut *db).await {
            Ok(done) => {
                let mut changed = done.rows_affected() > 0;
                if !changed && self.op == MembershipOp::Add {
                    changed = self.adopt(db).await?;
                }
                // What doesn't exist has no members; only a removal can come here without both.
                if !changed && self.op == MembershipOp::Remove {
                    self.check_exists(db, index).await?;
                }
                Ok(changed)
            }
            Err(error) => {
                if error
                    .as_database_error()
                    .is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
                {
                    self.check_exists(db, index).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Replaces the mark of a membership that is there, where it is one of those to be replaced.
    async fn adopt(&self, db: &mut SqliteConnection) -> Result<bool, Failure> {
        for owner in &self.replaced {
            let done = sqlx::query(self.table.adopt)
                .bind(self.container)
                .bind(self.user)
                .bind(&self.owner)
                .bind(owner)
                .execute(&mut *db)
                .await?;
            if done.rows_affected() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn check_exists(&self, db: &mut SqliteConnection, index: usize) -> Result<(), Failure> {
        let has = [
            (
                "container",
                kind_name(self.table),
                self.table.has_container,
                self.container,
            ),
            ("user", "user", "SELECT 1 FROM users WHERE id = ?", self.user),
        ];
        for (field, name, statement, row) in has {
            let found: Option<i64> = sqlx::query_scalar(statement).bind(row).fetch_optional(&mut *db).await?;
            if found.is_none() {
                return Err(not_found(&format!("/items/{index}/{field}"), name).into());
            }
        }
        Ok(())
    }
}

fn kind_name(table: &Table) -> &'static str {
    if table.id == IdKind::Team { "team" } else { "inbox" }
}

fn not_found(pointer: &str, name: &str) -> Problem {
    Problem::new(ProblemKind::NotFound).with_pointer(pointer, format!("there is no {name} with this id"))
}

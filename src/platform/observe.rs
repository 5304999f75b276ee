//! Observes a platform page by page and makes sure that this was everything.
//!
//! A directory that is read in part raises doubt; a platform that is read in part is an error. What we don't see there
//! would be created a second time, and whom we don't see would keep what he is to lose.

use std::collections::HashSet;

use directory_sync_model::observed::Observer;

use super::{Error, Part, Platform};

/// Bounds of one observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserveLimits {
    /// How many pages of each part are read; more are an error.
    pub max_pages: u64,
}

impl Default for ObserveLimits {
    /// A hundred thousand pages: ten million rows in pages of a hundred.
    fn default() -> Self {
        Self { max_pages: 100_000 }
    }
}

/// How far an observation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub part: Part,
    /// How many pages of it came.
    pub pages: u64,
    /// How many rows of it came.
    pub rows: u64,
    /// How many rows the platform says that there are.
    pub total: Option<u64>,
}

/// Shows all rows of the given parts, in their order, to `observer`; `progress` is told after each page.
///
/// A page that fails, a cursor that comes twice, more pages than allowed, and more or fewer rows than the pages' totals
/// leave room for are errors: the observer has then seen something that is no ground for a plan. Totals may differ from
/// page to page, because others write meanwhile: what is there throughout is seen exactly once, what comes and goes may
/// be seen or not.
pub async fn observe(
    platform: &dyn Platform,
    parts: &[Part],
    observer: &mut (dyn Observer + Send),
    limits: ObserveLimits,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), Error> {
    for part in parts {
        observe_part(platform, *part, observer, limits, progress).await?;
    }
    Ok(())
}

async fn observe_part(
    platform: &dyn Platform,
    part: Part,
    observer: &mut (dyn Observer + Send),
    limits: ObserveLimits,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), Error> {
    let mut now = Progress {
        part,
        pages: 0,
        rows: 0,
        total: None,
    };
    let mut cursors: HashSet<String> = HashSet::new();
    let mut cursor: Option<String> = None;
    let mut stated: Option<(u64, u64)> = None;
    loop {
        let end = platform.read(part, cursor.as_deref(), observer).await?;
        now.pages += 1;
        now.rows += end.rows;
        now.total = end.total.or(now.total);
        if let Some(total) = end.total {
            let (least, most) = stated.unwrap_or((total, total));
            stated = Some((least.min(total), most.max(total)));
        }
        progress(now);
        let Some(next) = end.next else { break };
        if now.pages >= limits.max_pages {
            return Err(cut(part, format!("there are more than {} pages", limits.max_pages)));
        }
        if !cursors.insert(next.clone()) {
            return Err(cut(
                part,
                format!("the cursor after page {} had come before", now.pages),
            ));
        }
        cursor = Some(next);
    }
    match stated {
        Some((least, most)) if !(least..=most).contains(&now.rows) => Err(Error::Incomplete {
            operation: operation(part),
            stated: if now.rows < least { least } else { most },
            received: now.rows,
        }),
        _ => Ok(()),
    }
}

fn cut(part: Part, message: String) -> Error {
    Error::Protocol {
        operation: operation(part),
        message,
    }
}

fn operation(part: Part) -> String {
    let name = match part {
        Part::Roles => "roles",
        Part::Teams => "teams",
        Part::Inboxes => "inboxes",
        Part::Users => "users",
        Part::TeamMemberships => "memberships of teams",
        Part::InboxMemberships => "memberships of inboxes",
    };
    format!("reading the platform's {name}")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use directory_sync_model::observed::{ContainerRow, MembershipRow, RoleRow, UserRow};

    use super::*;
    use crate::platform::{
        Capability, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, TeamPatch, UserDeletion, UserPatch, WriteKey,
    };

    /// Pages of users by cursor: rows, total, where it leads. Every other part is empty.
    struct Script(Vec<(&'static str, u64, Option<u64>, Option<&'static str>)>);

    #[async_trait]
    impl Platform for Script {
        fn name(&self) -> &'static str {
            "script"
        }

        fn capability(&self) -> Capability {
            unreachable!("observing asks for pages alone")
        }

        async fn identity(&self) -> Result<Identity, Error> {
            unreachable!("observing asks for pages alone")
        }

        async fn read(
            &self,
            part: Part,
            cursor: Option<&str>,
            observer: &mut (dyn Observer + Send),
        ) -> Result<PageEnd, Error> {
            let page = self.0.iter().find(|(at, ..)| *at == cursor.unwrap_or_default());
            let (Part::Users, Some((_, rows, total, next))) = (part, page) else {
                return Ok(PageEnd::default());
            };
            (0..*rows).for_each(|_| observer.user(&UserRow::default()));
            Ok(PageEnd {
                next: next.map(str::to_owned),
                total: *total,
                rows: *rows,
            })
        }

        async fn create_team(&self, _: &NewTeam, _: &str, _: &WriteKey) -> Result<String, Error> {
            unreachable!("observing writes nothing")
        }

        async fn update_team(&self, _: &TeamPatch, _: &WriteKey) -> Result<(), Error> {
            unreachable!("observing writes nothing")
        }

        async fn create_users(&self, _: &[NewUser], _: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
            unreachable!("observing writes nothing")
        }

        async fn update_users(
            &self,
            _: &[UserPatch],
            _: &WriteKey,
        ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
            unreachable!("observing writes nothing")
        }

        async fn delete_users(&self, _: &[UserDeletion], _: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
            unreachable!("observing writes nothing")
        }

        async fn change_memberships(
            &self,
            _: &[MembershipWrite],
            _: &str,
            _: &WriteKey,
        ) -> Result<Vec<Result<(), Error>>, Error> {
            unreachable!("observing writes nothing")
        }
    }

    #[derive(Default)]
    struct Users(u64);

    impl Observer for Users {
        fn role(&mut self, _: &RoleRow<'_>) {}
        fn container(&mut self, _: &ContainerRow<'_>) {}
        fn user(&mut self, _: &UserRow<'_>) {
            self.0 += 1;
        }
        fn membership(&mut self, _: &MembershipRow<'_>) {}
    }

    async fn run(
        pages: &[(&'static str, u64, Option<u64>, Option<&'static str>)],
        max_pages: u64,
    ) -> Result<u64, String> {
        let mut users = Users::default();
        let limits = ObserveLimits { max_pages };
        match observe(&Script(pages.to_vec()), &Part::ALL, &mut users, limits, &|_| {}).await {
            Ok(()) => Ok(users.0),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn all_pages_are_shown() {
        let pages = [("", 2, Some(3), Some("b")), ("b", 1, Some(3), None)];
        assert_eq!(run(&pages, 2).await, Ok(3));
        assert_eq!(run(&[("", 2, None, None)], 2).await, Ok(2), "a total is not required");
    }

    #[tokio::test]
    async fn a_platform_that_states_more_than_it_sends_or_less_is_an_error() {
        for (total, stated) in [(4, "stated 4 and sent 3"), (2, "stated 2 and sent 3")] {
            let pages = [("", 2, Some(total), Some("b")), ("b", 1, Some(total), None)];
            let error = run(&pages, 9).await.unwrap_err();
            assert!(
                error.starts_with(&format!("reading the platform's users: the platform {stated}")),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn totals_that_change_while_pages_are_read_leave_room_for_what_came_and_went() {
        // A user was created before the cursor: counted by the last page, and rightly never seen.
        let grown = [("", 2, Some(3), Some("b")), ("b", 1, Some(4), None)];
        assert_eq!(run(&grown, 9).await, Ok(3));
        // A user of the first page was deleted.
        let shrunk = [("", 2, Some(4), Some("b")), ("b", 2, Some(3), None)];
        assert_eq!(run(&shrunk, 9).await, Ok(4));
        let beyond = [("", 2, Some(4), Some("b")), ("b", 1, Some(5), None)];
        let error = run(&beyond, 9).await.unwrap_err();
        assert!(error.contains("stated 4 and sent 3"), "{error}");
    }

    #[tokio::test]
    async fn a_cursor_that_comes_twice_is_an_error() {
        let pages = [
            ("", 1, None, Some("b")),
            ("b", 1, None, Some("c")),
            ("c", 1, None, Some("b")),
        ];
        assert!(
            run(&pages, 9)
                .await
                .unwrap_err()
                .contains("the cursor after page 3 had come before")
        );
    }

    #[tokio::test]
    async fn more_pages_than_allowed_are_an_error() {
        let pages = [("", 1, None, Some("b")), ("b", 1, None, None)];
        assert!(run(&pages, 1).await.unwrap_err().contains("more than 1 pages"));
    }

    #[tokio::test]
    async fn progress_is_told_after_each_page() {
        let seen = Mutex::new(Vec::new());
        let pages = vec![("", 2, Some(3), Some("b")), ("b", 1, Some(3), None)];
        let note = |now: Progress| seen.lock().unwrap().push((now.pages, now.rows, now.total));
        let (script, mut users) = (Script(pages), Users::default());
        observe(&script, &[Part::Users], &mut users, ObserveLimits::default(), &note)
            .await
            .unwrap();
        assert_eq!(seen.into_inner().unwrap(), [(1, 2, Some(3)), (2, 3, Some(3))]);
    }
}

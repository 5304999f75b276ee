//! From pages to a snapshot: asks for one page after the other and judges whether they are everything.
//!
//! A page that can't be read at all fails the whole fetch, and with it the sync: the platform stays untouched. What
//! merely raises doubt (a cursor that comes twice, a total that differs) is noted in the snapshot's completeness, and
//! nothing is removed on its ground. What single entries raise, the snapshot's builder knows by itself.

use std::{collections::HashSet, time::Duration};

use directory_sync_model::{
    attribute::AttributeSet,
    fingerprint::{Fingerprint, FingerprintKey},
    snapshot::{Batch, Doubt, Snapshot, SnapshotBuilder},
};
use tokio::time::{Instant, timeout_at};

use super::{Directory, Error, Part};
use crate::fault::{Class, Fault};

/// Bounds of one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// How many pages of people, and how many of groups, are read; what comes after makes the read incomplete.
    pub max_pages: u64,
    /// How much memory what is read may take, in bytes, give or take a third; more fails the read.
    pub max_bytes: u64,
    /// How long the whole read may take; longer fails it. Each answer has a time of its own besides, which a directory that
    /// drips never exceeds.
    pub max_time: Duration,
}

impl Default for FetchLimits {
    /// A hundred thousand pages: ten million people in pages of a hundred. 4 GiB: as many. Six hours: ten million people at
    /// five pages of a hundred a second.
    fn default() -> Self {
        Self {
            max_pages: 100_000,
            max_bytes: 4 << 30,
            max_time: Duration::from_hours(6),
        }
    }
}

/// After so many pages in a row without anything new the directory goes in circles, whatever cursors it hands out.
const STALE_PAGES: u32 = 100;

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub part: Part,
    /// How many pages of it came.
    pub pages: u64,
    /// How many entries of it came.
    pub entries: u64,
    /// How many entries the directory says that there are.
    pub total: Option<u64>,
}

/// A fetch that failed. Nothing may be concluded from what had come before.
#[derive(Debug, thiserror::Error)]
#[error("page {page} of the directory's {}", name(*.part))]
pub struct FetchFailure {
    /// What was being read.
    pub part: Part,
    /// Which page of it, from 1.
    pub page: u64,
    /// Why it failed.
    #[source]
    pub source: Error,
}

impl Fault for FetchFailure {
    fn class(&self) -> Class {
        self.source.class()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.source.retry_after()
    }
}

const fn name(part: Part) -> &'static str {
    match part {
        Part::Users => "users",
        Part::Groups => "groups",
    }
}

/// Reads everything: people first, then groups.
///
/// `wanted` names the attributes that expressions read; `key` is the key of this process's fingerprints; `progress` is
/// told after each page.
pub async fn fetch(
    directory: &dyn Directory,
    wanted: AttributeSet,
    key: FingerprintKey,
    limits: FetchLimits,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Snapshot, FetchFailure> {
    let mut fetch = Fetch {
        directory,
        wanted,
        key,
        limits,
        progress,
        deadline: Instant::now() + limits.max_time,
        builder: SnapshotBuilder::new(key),
        batch: Batch::new(),
    };
    for part in [Part::Users, Part::Groups] {
        let doubts = fetch.part(part).await?;
        for doubt in doubts {
            fetch.doubt(part, doubt);
        }
    }
    Ok(fetch.builder.finish())
}

struct Fetch<'f> {
    directory: &'f dyn Directory,
    wanted: AttributeSet,
    key: FingerprintKey,
    limits: FetchLimits,
    progress: &'f (dyn Fn(Progress) + Sync),
    deadline: Instant,
    builder: SnapshotBuilder,
    batch: Batch,
}

impl Fetch<'_> {
    /// Reads one part to its end and returns the reasons to doubt that this was its end.
    async fn part(&mut self, part: Part) -> Result<Vec<Doubt>, FetchFailure> {
        let mut now = Progress {
            part,
            pages: 0,
            entries: 0,
            total: None,
        };
        let mut doubts = Vec::new();
        let mut cursors: HashSet<Fingerprint> = HashSet::new();
        let mut cursor = None;
        let mut stale = 0;
        loop {
            self.batch.clear();
            let page = now.pages + 1;
            let failed = |source| FetchFailure { part, page, source };
            let reading = self.directory.read(part, self.wanted, cursor.as_ref(), &mut self.batch);
            let read = timeout_at(self.deadline, reading).await;
            let end = read
                .unwrap_or(Err(Error::TooLong {
                    after: self.limits.max_time,
                }))
                .map_err(failed)?;
            now.pages += 1;
            now.entries += self.batch.entries() as u64;
            now.total = end.total.or(now.total);
            doubts.extend(end.doubts);
            let known = self.known(part);
            self.builder.append(&self.batch);
            let size = self.builder.size();
            if size.bytes > self.limits.max_bytes {
                return Err(failed(Error::TooLarge {
                    size,
                    limit: self.limits.max_bytes,
                }));
            }
            stale = if self.known(part) == known { stale + 1 } else { 0 };
            (self.progress)(now);
            let Some(next) = end.next else { break };
            if !cursors.insert(self.key.text(&next.0)) {
                doubts.push(Doubt::RepeatedCursor);
                break;
            }
            if now.pages >= self.limits.max_pages {
                doubts.push(Doubt::PageLimit { pages: now.pages });
                break;
            }
            if stale >= STALE_PAGES {
                let cause = format!("{stale} pages in a row brought nothing new, and each named another one");
                doubts.push(Doubt::Interrupted { cause });
                break;
            }
            cursor = Some(next);
        }
        // Where the read is known to have been cut, the total says nothing new.
        if let (Some(stated), []) = (now.total, doubts.as_slice())
            && stated != now.entries
        {
            doubts.push(Doubt::CountMismatch {
                stated,
                received: now.entries,
            });
        }
        Ok(doubts)
    }

    /// How many entries of a part are known.
    fn known(&self, part: Part) -> usize {
        match part {
            Part::Users => self.builder.user_count(),
            Part::Groups => self.builder.group_count(),
        }
    }

    fn doubt(&mut self, part: Part, doubt: Doubt) {
        match part {
            Part::Users => self.builder.doubt_users(doubt),
            Part::Groups => self.builder.doubt_groups(doubt),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use directory_sync_model::snapshot::Completeness;

    use super::*;
    use crate::directory::{Capability, Cursor, Finding, PageEnd};

    /// One page of a script: its rows (a row `!x` can't be read), its total, where it leads.
    #[derive(Clone, Default)]
    struct Page {
        rows: &'static [&'static str],
        total: Option<u64>,
        next: Option<&'static str>,
        doubts: Vec<Doubt>,
    }

    /// Pages by cursor; the first page has the cursor "".
    struct Script {
        users: Vec<(&'static str, Page)>,
        groups: Vec<(&'static str, Page)>,
    }

    #[async_trait]
    impl Directory for Script {
        fn provider(&self) -> &'static str {
            "script"
        }

        fn capability(&self) -> Capability {
            Capability { repeatable_pages: true }
        }

        async fn read(
            &self,
            part: Part,
            _: AttributeSet,
            cursor: Option<&Cursor>,
            batch: &mut Batch,
        ) -> Result<PageEnd, Error> {
            let pages = if part == Part::Users { &self.users } else { &self.groups };
            let wanted = cursor.map_or("", |cursor| cursor.0.as_str());
            let Some((_, page)) = pages.iter().find(|(cursor, _)| *cursor == wanted) else {
                return Err(Error::Protocol {
                    operation: "reading".into(),
                    message: "no such page".into(),
                });
            };
            for row in page.rows {
                match (row.strip_prefix('!'), part) {
                    (Some(row), Part::Users) => batch.reject_user(row, "malformed"),
                    (Some(row), Part::Groups) => batch.reject_group(row, "malformed"),
                    (None, Part::Users) => batch.user(row, |_| {}),
                    (None, Part::Groups) => drop(batch.group(row, row).member("u-1")),
                }
            }
            Ok(PageEnd {
                next: page.next.map(|next| Cursor(next.to_owned())),
                total: page.total,
                doubts: page.doubts.clone(),
            })
        }

        async fn check(&self) -> Vec<Finding> {
            Vec::new()
        }
    }

    async fn run(script: &Script, max_pages: u64) -> Result<Snapshot, FetchFailure> {
        let key = FingerprintKey::new(1, 2);
        let limits = FetchLimits {
            max_pages,
            ..FetchLimits::default()
        };
        fetch(script, AttributeSet::EMPTY, key, limits, &|_| {}).await
    }

    fn page(rows: &'static [&'static str], total: u64, next: Option<&'static str>) -> Page {
        Page {
            rows,
            total: Some(total),
            next,
            doubts: Vec::new(),
        }
    }

    fn users(pages: &[(&'static str, Page)]) -> Script {
        Script {
            users: pages.to_vec(),
            groups: vec![("", page(&["g-1"], 1, None))],
        }
    }

    async fn doubts(pages: &[(&'static str, Page)]) -> Vec<Doubt> {
        run(&users(pages), 100).await.unwrap().completeness.users
    }

    #[tokio::test]
    async fn all_pages_of_both_parts_are_read_and_complete() {
        let script = users(&[
            ("", page(&["u-1", "u-2"], 3, Some("2"))),
            ("2", page(&["u-3"], 3, None)),
        ]);
        let snapshot = run(&script, 100).await.unwrap();
        assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
        assert_eq!((snapshot.user_count(), snapshot.group_count()), (3, 1));
        assert_eq!(snapshot.members(0), [0]);
    }

    #[tokio::test]
    async fn progress_is_told_after_each_page() {
        let script = users(&[
            ("", page(&["u-1", "u-2"], 3, Some("2"))),
            ("2", page(&["u-3"], 3, None)),
        ]);
        let seen = Mutex::new(Vec::new());
        let note = |now: Progress| seen.lock().unwrap().push((now.part, now.pages, now.entries, now.total));
        let key = FingerprintKey::new(1, 2);
        fetch(&script, AttributeSet::EMPTY, key, FetchLimits::default(), &note)
            .await
            .unwrap();
        assert_eq!(
            seen.into_inner().unwrap(),
            [
                (Part::Users, 1, 2, Some(3)),
                (Part::Users, 2, 3, Some(3)),
                (Part::Groups, 1, 1, Some(1))
            ]
        );
    }

    #[tokio::test]
    async fn a_cursor_that_comes_twice_ends_the_read_in_doubt() {
        let pages = [
            ("", page(&["u-1"], 9, Some("a"))),
            ("a", page(&["u-2"], 9, Some("b"))),
            ("b", page(&["u-3"], 9, Some("a"))),
        ];
        assert_eq!(doubts(&pages).await, [Doubt::RepeatedCursor]);
    }

    #[tokio::test]
    async fn a_page_limit_makes_the_read_incomplete() {
        let script = users(&[("", page(&["u-1"], 2, Some("a"))), ("a", page(&["u-2"], 2, None))]);
        let snapshot = run(&script, 1).await.unwrap();
        assert_eq!(snapshot.completeness.users, [Doubt::PageLimit { pages: 1 }]);
        // A read that ends exactly at the limit was not cut.
        assert!(run(&script, 2).await.unwrap().completeness.users.is_empty());
    }

    /// A directory that never ends and takes its time: each page is somebody new, with a long name.
    struct Drip {
        takes: Duration,
        text: usize,
    }

    #[async_trait]
    impl Directory for Drip {
        fn provider(&self) -> &'static str {
            "drip"
        }

        fn capability(&self) -> Capability {
            Capability { repeatable_pages: true }
        }

        async fn read(
            &self,
            _: Part,
            _: AttributeSet,
            cursor: Option<&Cursor>,
            batch: &mut Batch,
        ) -> Result<PageEnd, Error> {
            tokio::time::sleep(self.takes).await;
            let page = cursor.map_or(0, |cursor| cursor.0.parse::<u64>().unwrap()) + 1;
            batch.user(&format!("{page:0>width$}", width = self.text), |_| {});
            Ok(PageEnd {
                next: Some(Cursor(page.to_string())),
                ..PageEnd::default()
            })
        }

        async fn check(&self) -> Vec<Finding> {
            Vec::new()
        }
    }

    async fn failure_of(drip: Drip, limits: FetchLimits) -> FetchFailure {
        let key = FingerprintKey::new(1, 2);
        match fetch(&drip, AttributeSet::EMPTY, key, limits, &|_| {}).await {
            Ok(_) => panic!("it has no end"),
            Err(failure) => failure,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_drips_for_ever_is_given_up_after_the_time_of_a_whole_read() {
        let drip = Drip {
            takes: Duration::from_secs(29),
            text: 4,
        };
        let begun = Instant::now();
        let failure = failure_of(drip, FetchLimits::default()).await;
        assert_eq!(begun.elapsed().as_secs() / 60, 6 * 60);
        assert_eq!((failure.page, failure.class()), (745, Class::Timeout));
        let text = crate::fault::chain(&failure);
        assert!(text.contains("isn't complete after 21600 s"), "{text}");
    }

    #[tokio::test]
    async fn a_directory_that_does_not_fit_into_the_memory_for_it_is_a_clear_error() {
        let drip = Drip {
            takes: Duration::ZERO,
            text: 1000,
        };
        let limits = FetchLimits {
            max_bytes: 10 << 20,
            ..FetchLimits::default()
        };
        let failure = failure_of(drip, limits).await;
        assert_eq!(failure.class(), Class::Protocol);
        assert!((9000..11_000).contains(&failure.page), "{}", failure.page);
        let text = crate::fault::chain(&failure);
        assert!(
            text.contains("more than 10 MiB of memory after ") && text.contains("--read-memory-mib"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_total_that_differs_makes_the_read_incomplete() {
        for stated in [1, 3] {
            let mismatch = Doubt::CountMismatch { stated, received: 2 };
            assert_eq!(doubts(&[("", page(&["u-1", "u-2"], stated, None))]).await, [mismatch]);
        }
    }

    #[tokio::test]
    async fn the_total_of_the_last_page_counts() {
        let pages = [("", page(&["u-1"], 3, Some("2"))), ("2", page(&["u-2"], 2, None))];
        assert_eq!(doubts(&pages).await, []);
    }

    #[tokio::test]
    async fn a_repeated_id_counts_as_received_and_is_a_doubt_of_its_own() {
        let repeated = Doubt::DuplicateIds {
            count: 1,
            example: "u-1".into(),
        };
        assert_eq!(doubts(&[("", page(&["u-1", "u-1"], 2, None))]).await, [repeated]);
    }

    #[tokio::test]
    async fn one_entry_that_can_not_be_read_counts_as_received_and_puts_the_read_in_doubt() {
        // So few that the snapshot itself has no doubt.
        let mut rows: Vec<&'static str> = (0..300).map(|row| &*format!("u-{row}").leak()).collect();
        rows.push("!row 7");
        let unreadable = Doubt::Unreadable {
            count: 1,
            example: "row 7: malformed".into(),
        };
        assert_eq!(doubts(&[("", page(rows.leak(), 301, None))]).await, [unreadable]);
    }

    #[tokio::test]
    async fn a_group_that_can_not_be_read_puts_the_groups_in_doubt_and_not_the_people() {
        let script = Script {
            users: vec![("", page(&["u-1"], 1, None))],
            groups: vec![("", page(&["g-1", "!row 2"], 2, None))],
        };
        let Completeness { users, groups } = run(&script, 100).await.unwrap().completeness;
        let unreadable = Doubt::Unreadable {
            count: 1,
            example: "row 2: malformed".into(),
        };
        assert_eq!((users, groups), (vec![], vec![unreadable]));
    }

    #[tokio::test]
    async fn pages_that_bring_nobody_new_end_the_read_in_doubt() {
        // A new cursor each time, and always the same page.
        let pages: Vec<(&'static str, Page)> = (0..500)
            .map(|number: u32| {
                let name = |number: u32| &*format!("p{number}").leak();
                let at = if number == 0 { "" } else { name(number) };
                (at, page(&["u-1"], 1000, Some(name(number + 1))))
            })
            .collect();
        let Doubt::Interrupted { cause } = &run(&users(&pages), 1000).await.unwrap().completeness.users[0] else {
            panic!("the read has no end");
        };
        assert!(cause.contains("100 pages"), "{cause}");
    }

    #[tokio::test]
    async fn what_the_directory_doubts_is_kept_for_its_part() {
        let cut = Page {
            doubts: vec![Doubt::SizeLimit],
            ..page(&["u-1"], 9, None)
        };
        let script = Script {
            users: vec![("", page(&["u-1"], 1, None))],
            groups: vec![("", cut)],
        };
        let completeness = run(&script, 100).await.unwrap().completeness;
        assert_eq!(
            (completeness.users, completeness.groups),
            (vec![], vec![Doubt::SizeLimit])
        );
    }

    #[tokio::test]
    async fn nobody_at_all_is_a_doubt() {
        assert_eq!(doubts(&[("", page(&[], 0, None))]).await, [Doubt::Empty]);
    }

    #[tokio::test]
    async fn a_page_that_fails_fails_the_fetch_and_is_named() {
        let Err(failure) = run(&users(&[("", page(&["u-1"], 2, Some("gone")))]), 100).await else {
            panic!("the second page does not exist");
        };
        assert_eq!((failure.part, failure.page), (Part::Users, 2));
        assert_eq!(
            crate::fault::chain(&failure),
            "page 2 of the directory's users: reading: no such page"
        );
        assert_eq!(failure.class(), Class::Protocol);
    }
}

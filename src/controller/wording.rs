//! A held plan in words: what it would take away and why it is held, until when, and the commands that look at it and decide
//! it. Pure. Teams, inboxes and roles are named here, and people never.

use directory_sync_model::{
    guard::Exceeded,
    plan::{Population, RemovalKind},
};
use jiff::Timestamp;

use super::backoff::told;
use crate::{
    api::{
        condition::Reason,
        plan::MAX_SUMMARY,
        status::{DecisionCommands, cut},
    },
    sync::report::Hold,
    words::counted,
};

/// The longest line of a summary, in bytes.
const MAX_LINE: usize = 200;

/// How much of a condition's message tells what would be lost, in bytes; the rest names the plan and what to do.
const MAX_WHY: usize = 240;

/// What a held plan would take away, a line for each kind and for each team, inbox and role: first what is above a limit, which
/// is why it is held, then the rest, the largest losses first.
pub fn summary(hold: &Hold, losses: &[Population]) -> Vec<String> {
    let mut lines: Vec<String> = hold
        .exceeded
        .iter()
        .map(|exceeded| {
            let Exceeded {
                kind,
                name,
                removals,
                population,
                allowed,
                mapping,
            } = exceeded;
            let loss = loss(*kind, name.as_deref(), *removals, *population);
            match mapping {
                Some(mapping) => format!("{loss}; the removals of GroupMapping {mapping} allow {allowed}"),
                None => format!("{loss}; the limits allow {allowed}"),
            }
        })
        .collect();
    // Then what the directory shows no longer, from which all of it may follow.
    lines.extend(hold.losses.iter().map(ToString::to_string));
    if hold.departures > 0 {
        lines.push(format!(
            "{} would be deactivated because a mapping is gone or names other groups; that is always held",
            counted(hold.departures, "user", "users")
        ));
    }
    let is_told = |loss: &Population| {
        let mut exceeded = hold.exceeded.iter();
        exceeded.any(|exceeded| exceeded.kind == loss.kind && exceeded.name == loss.name)
    };
    let mut rest: Vec<&Population> = losses.iter().filter(|loss| !is_told(loss)).collect();
    rest.sort_by_key(|loss| std::cmp::Reverse(loss.removals));
    lines.extend(rest.iter().map(|population| {
        loss(
            population.kind,
            population.name.as_deref(),
            population.removals,
            population.size,
        )
    }));
    if lines.len() > MAX_SUMMARY {
        let more = lines.len() - (MAX_SUMMARY - 1);
        lines.truncate(MAX_SUMMARY - 1);
        lines.push(format!("and {more} more losses of this kind"));
    }
    lines.iter().map(|line| cut(line, MAX_LINE)).collect()
}

/// One loss: `310 of 1000 users would be deactivated`.
fn loss(kind: RemovalKind, name: Option<&str>, removals: u64, of: u64) -> String {
    match (kind, name) {
        (RemovalKind::User, _) => format!("{removals} of {of} users would be deactivated"),
        (RemovalKind::Deletion, _) => format!("{removals} of {of} users would be deleted"),
        // Adopting counts as well: there may be more changes than roles from here.
        (RemovalKind::Role, None) => format!(
            "{} would get another role, and {of} had one from here",
            counted(removals, "user", "users")
        ),
        (RemovalKind::Role, Some(role)) => format!("{removals} of {of} users would lose the role {role:?}"),
        (RemovalKind::TeamMembership, Some(team)) => format!("the team {team:?} would lose {removals} of {of} members"),
        (RemovalKind::InboxMembership, Some(inbox)) => {
            format!("the inbox {inbox:?} would lose {removals} of {of} members")
        }
        (kind, None) => format!("{removals} of {of} {} would be taken away", kind.noun()),
    }
}

/// Why a plan is held, short enough for a condition that says more.
pub fn why(summary: &[String]) -> String {
    let sentences: Vec<String> = summary.iter().map(|line| sentence(line)).collect();
    cut(&sentences.join(". "), MAX_WHY)
}

/// A line as it begins a sentence.
fn sentence(line: &str) -> String {
    let mut letters = line.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the condition Held of a connection says of a plan that waits.
pub fn waiting(why: &str, namespace: &str, name: &str, expires: Timestamp) -> String {
    format!(
        "{why}. Nothing is written until SyncPlan {name} is approved or rejected; it can be approved until {}. To see it, and the \
         commands that decide it: {}",
        told(expires),
        commands(namespace, name).inspect
    )
}

/// What the condition Applied of a plan that waits says.
pub fn undecided(summary: &[String], expires: Timestamp) -> String {
    let why = why(summary);
    let stop = if why.is_empty() { "" } else { ". " };
    format!(
        "{why}{stop}Nothing is written until somebody approves or rejects this plan, with the commands in status.commands; it \
         can be approved until {}.",
        told(expires)
    )
}

/// What the condition Applied of a plan says that is over. `held_now`: the plan that waits in its place.
pub fn over(reason: Reason, decided: bool, held_now: Option<&str>) -> String {
    let meaning = reason.row().meaning;
    let late = if decided && reason != Reason::Spent {
        "The decision came too late, and nothing was done because of it. "
    } else if decided {
        "The decision came too late. "
    } else {
        ""
    };
    let next = match held_now {
        _ if reason == Reason::Spent => String::new(),
        Some(name) => format!(" Decide SyncPlan {name}, which is held now."),
        None => " No plan waits now.".to_owned(),
    };
    format!("{late}{meaning}{next}")
}

/// The commands that look at a plan, approve it and reject it. Names of objects need no quotes in a shell.
pub fn commands(namespace: &str, name: &str) -> DecisionCommands {
    let decide = |decision: &str| {
        format!(
            "kubectl patch -n {namespace} splan/{name} --type=merge -p '{{\"spec\":{{\"decision\":\"{decision}\",\"decidedBy\":\"'\
             \"$(kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}')\"'\"}}}}'"
        )
    };
    DecisionCommands {
        inspect: format!("kubectl describe -n {namespace} splan/{name}"),
        approve: decide("Approved"),
        reject: decide("Rejected"),
    }
}

#[cfg(test)]
mod tests {
    use directory_sync_model::snapshot::Loss;

    use super::*;

    fn population(kind: RemovalKind, name: Option<&str>, removals: u64, size: u64) -> Population {
        Population {
            kind,
            name: name.map(str::to_owned),
            size,
            removals,
        }
    }

    fn held(exceeded: Vec<Exceeded>, departures: u64) -> Hold {
        Hold {
            exceeded,
            departures,
            ..Hold::default()
        }
    }

    fn too_many_users() -> Exceeded {
        Exceeded {
            kind: RemovalKind::User,
            name: None,
            removals: 310,
            population: 1000,
            allowed: 200,
            mapping: None,
        }
    }

    #[test]
    fn a_summary_says_first_what_is_above_the_limits_and_then_what_else_would_be_lost() {
        let losses = [
            population(RemovalKind::User, None, 310, 1000),
            population(RemovalKind::TeamMembership, Some("Sales"), 1, 30),
            population(RemovalKind::TeamMembership, Some("Support"), 4, 40),
            population(RemovalKind::Role, Some("agent"), 2, 7),
            population(RemovalKind::Role, None, 3, 0),
        ];
        assert_eq!(
            summary(&held(vec![too_many_users()], 0), &losses),
            [
                "310 of 1000 users would be deactivated; the limits allow 200",
                "the team \"Support\" would lose 4 of 40 members",
                "3 users would get another role, and 0 had one from here",
                "2 of 7 users would lose the role \"agent\"",
                "the team \"Sales\" would lose 1 of 30 members",
            ]
        );
    }

    #[test]
    fn what_the_directory_shows_no_longer_is_named_as_the_cause() {
        let hold = Hold {
            losses: vec![Loss::Members { count: 15 }],
            ..Hold::default()
        };
        let lines = summary(&hold, &[population(RemovalKind::User, None, 15, 300)]);
        assert_eq!(
            lines,
            [
                "groups still name 15 people who were read before and are not any more",
                "15 of 300 users would be deactivated"
            ]
        );
    }

    #[test]
    fn a_mapping_that_is_gone_is_named_as_the_cause() {
        let lines = summary(&held(Vec::new(), 1), &[population(RemovalKind::User, None, 1, 30)]);
        assert!(
            lines[0].starts_with("1 user would be deactivated because a mapping is gone"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "1 of 30 users would be deactivated");
    }

    #[test]
    fn a_summary_is_bounded_whatever_a_plan_takes_away() {
        let long = "é".repeat(1000);
        let losses: Vec<_> = (0..500)
            .map(|_| population(RemovalKind::InboxMembership, Some(&long), 4, 40))
            .collect();
        let lines = summary(&held(vec![too_many_users()], 3), &losses);
        assert_eq!(lines.len(), MAX_SUMMARY);
        assert!(lines.iter().all(|line| line.len() <= MAX_LINE));
        assert_eq!(lines.last().unwrap(), "and 483 more losses of this kind");
        assert!(why(&lines).len() <= MAX_WHY);
        let two = [
            "3 users would go".to_owned(),
            "the team \"A\" would lose one".to_owned(),
        ];
        assert_eq!(why(&two), "3 users would go. The team \"A\" would lose one");
    }

    #[test]
    fn the_message_of_the_longest_names_is_not_cut() {
        let (namespace, name) = ("n".repeat(63), "p".repeat(78));
        let message = waiting(&"w".repeat(MAX_WHY), &namespace, &name, Timestamp::UNIX_EPOCH);
        assert!(
            message.len() <= crate::api::condition::MAX_HELD_MESSAGE,
            "{}",
            message.len()
        );
        let commands = commands(&namespace, &name);
        assert!(
            commands.approve.len() <= DecisionCommands::MAX,
            "{}",
            commands.approve.len()
        );
    }

    #[test]
    fn a_decision_that_came_too_late_is_told_with_the_plan_to_decide_now() {
        let late = over(Reason::Expired, true, Some("acme-2"));
        assert!(
            late.starts_with("The decision came too late, and nothing was done because of it."),
            "{late}"
        );
        assert!(late.ends_with("Decide SyncPlan acme-2, which is held now."), "{late}");
        let late = over(Reason::Superseded, true, None);
        assert!(
            late.contains("too late") && late.ends_with("No plan waits now."),
            "{late}"
        );
        let late = over(Reason::Spent, true, Some("acme-2"));
        assert!(late.contains("too late") && !late.contains("acme-2"), "{late}");
        let nobody = over(Reason::Expired, false, None);
        assert!(!nobody.contains("too late"), "{nobody}");
    }
}

//! Who is wanted, and what they are to have.

use super::groups::{Resolved, State};
use crate::{
    content::{Content, ContentError},
    desired::{Desired, FailureReason, Person, RoleWish, Standing},
    fingerprint::Fingerprint,
    rules::UserScope,
};

/// Mapped by a mapping that adds.
const ACTIVE: u8 = 1;
/// Mapped by a frozen mapping.
const FROZEN: u8 = 2;

/// Judges each person of the snapshot, in order.
pub(super) fn judge(desired: &mut Desired<'_>, resolved: &[Resolved]) {
    let users = desired.snapshot.user_count();
    let mapped = mapped(desired, resolved);
    desired.people.reserve_exact(users as usize);
    desired.emails = crate::fingerprint::Index::with_capacity(users as usize);
    for user in 0..users {
        let scoped = match desired.rules.scope {
            UserScope::All => ACTIVE,
            UserScope::MappedGroups => mapped[user as usize],
        };
        let person = judge_one(desired, user, scoped);
        desired.people.push(person);
    }
}

/// What can be said of a person once his expressions are evaluated.
enum Judged {
    Is(Standing),
    Wanted(u8, Fingerprint, Fingerprint),
    Fails(FailureReason, String),
}

fn judge_one(desired: &mut Desired<'_>, user: u32, mapped: u8) -> Person {
    let person = |standing| Person {
        standing,
        role: RoleWish::None,
        mask: 0,
        content: Fingerprint::default(),
    };
    let snapshot = desired.snapshot;
    if let Some(message) = snapshot.unreadable(user) {
        desired.fail_user(user, FailureReason::Unreadable, message.to_owned());
        return person(Standing::Frozen);
    }
    if !snapshot.user(user).active() {
        return person(Standing::Disabled);
    }
    if desired.expression_failed.contains(&user) {
        return person(Standing::Frozen);
    }
    // Nobody asks whether somebody unmapped passes the filter, unless he may be mapped by what is frozen.
    if mapped == 0 && !desired.frozen_members {
        return person(Standing::Unmapped);
    }
    match judge_by_expressions(desired, user, mapped) {
        Judged::Is(standing) => person(standing),
        Judged::Wanted(mask, content, email) => {
            if let Some(earlier) = desired.emails.insert(email, user) {
                desired.shared_emails.push((user, earlier));
            }
            Person {
                mask,
                content,
                ..person(Standing::Wanted)
            }
        }
        Judged::Fails(FailureReason::ExpressionFailed, message) => {
            desired.fail_expression(user, &message);
            person(Standing::Frozen)
        }
        Judged::Fails(reason, message) => {
            desired.fail_user(user, reason, message);
            person(Standing::Frozen)
        }
    }
}

fn judge_by_expressions(desired: &Desired<'_>, user: u32, mapped: u8) -> Judged {
    let key = desired.key();
    let rules = desired.rules;
    desired.with_scope(user, |scope| {
        let passes = rules.filter.as_ref().map(|filter| filter.evaluate_filter(scope));
        match passes {
            Some(Ok(false)) => return Judged::Is(Standing::OutOfScope),
            // Not his failure: whether he passes has no effect.
            _ if mapped == 0 => return Judged::Is(Standing::Unmapped),
            Some(Err(error)) => {
                return Judged::Fails(FailureReason::ExpressionFailed, format!("filterExpression: {error}"));
            }
            _ if mapped & ACTIVE == 0 => return Judged::Is(Standing::Frozen),
            _ => {}
        }
        match Content::desired(desired.snapshot.user(user), &rules.attributes, scope) {
            Ok(content) => Judged::Wanted(content.mask(), content.fingerprint(key), key.text(content.email())),
            Err(error @ ContentError::Email(_)) => Judged::Fails(FailureReason::InvalidEmail, error.to_string()),
            Err(error @ ContentError::Attribute { .. }) => {
                Judged::Fails(FailureReason::ExpressionFailed, error.to_string())
            }
        }
    })
}

/// For each person, whether acting or frozen mappings have him.
fn mapped(desired: &Desired<'_>, resolved: &[Resolved]) -> Vec<u8> {
    if desired.rules.scope == UserScope::All {
        return Vec::new();
    }
    let mut mapped = vec![0; desired.snapshot.user_count() as usize];
    for mapping in resolved {
        let bit = if mapping.state == State::Frozen { FROZEN } else { ACTIVE };
        // Nobody of an ambiguous group is mapped by it; while there is one, nobody unmapped is deactivated.
        for source in &mapping.sources {
            for user in desired.source(source) {
                mapped[*user as usize] |= bit;
            }
        }
    }
    mapped
}

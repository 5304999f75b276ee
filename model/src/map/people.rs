//! Who is wanted, and what they are to have.

use super::groups::{Resolved, State};
use crate::{
    content::{Content, ContentError, FieldMask},
    desired::{Addresses, Desired, FailureReason, Person, RoleWish, Standing},
    fingerprint::HalfFingerprint,
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
    let mut addresses = Vec::with_capacity(users as usize);
    for user in 0..users {
        let scoped = match desired.rules.scope {
            UserScope::All => ACTIVE,
            UserScope::MappedGroups => mapped[user as usize],
            UserScope::Nobody => 0,
        };
        let person = match judge_one(desired, user, scoped) {
            Judged::Is(standing) => unwanted(standing),
            Judged::Wanted { mask, content, address } => {
                addresses.push((address, user));
                Person {
                    mask,
                    content,
                    ..unwanted(Standing::Wanted)
                }
            }
            Judged::Fails(reason, message) => {
                match reason {
                    FailureReason::ExpressionFailed => desired.fail_expression(user, &message),
                    reason => desired.fail_user(user, reason, message),
                }
                unwanted(Standing::Frozen)
            }
        };
        desired.people.push(person);
    }
    addresses.shrink_to_fit();
    desired.addresses = Addresses::new(addresses);
    desired.shared_emails = desired
        .addresses
        .shared(|one, other| desired.email(one) == desired.email(other));
}

fn unwanted(standing: Standing) -> Person {
    Person {
        standing,
        role: RoleWish::None,
        mask: 0,
        content: HalfFingerprint::default(),
    }
}

/// What can be said of a person.
enum Judged {
    Is(Standing),
    Wanted {
        mask: FieldMask,
        content: HalfFingerprint,
        /// See [`Addresses::short`].
        address: u32,
    },
    Fails(FailureReason, String),
}

fn judge_one(desired: &Desired<'_>, user: u32, mapped: u8) -> Judged {
    let snapshot = desired.snapshot;
    if let Some(message) = snapshot.unreadable(user) {
        return Judged::Fails(FailureReason::Unreadable, message.to_owned());
    }
    if !snapshot.user(user).active() {
        return Judged::Is(Standing::Disabled);
    }
    if desired.expression_failed.contains(&user) {
        return Judged::Is(Standing::Frozen);
    }
    // Nobody asks whether somebody unmapped passes the filter, unless he may be mapped by what is frozen.
    if mapped == 0 && !desired.frozen_members {
        return Judged::Is(Standing::Unmapped);
    }
    judge_by_expressions(desired, user, mapped)
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
            Ok(content) => Judged::Wanted {
                mask: content.mask(),
                content: content.fingerprint(key).half(),
                address: Addresses::short(key.text(content.email())),
            },
            Err(error @ ContentError::Email(_)) => Judged::Fails(FailureReason::InvalidEmail, error.to_string()),
            Err(error @ ContentError::Attribute { .. }) => {
                Judged::Fails(FailureReason::ExpressionFailed, error.to_string())
            }
        }
    })
}

/// For each person, whether acting or frozen mappings have him.
fn mapped(desired: &Desired<'_>, resolved: &[Resolved]) -> Vec<u8> {
    if desired.rules.scope != UserScope::MappedGroups {
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

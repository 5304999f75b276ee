//! Who is wanted, and what they are to have.

use super::mappings::Resolved;
use crate::{
    content::{Content, ContentError},
    desired::{Desired, FailureReason, Person, RoleWish, Standing},
    fingerprint::Fingerprint,
    rules::UserScope,
};

/// Mapped by a mapping that acts.
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

fn judge_one(desired: &mut Desired<'_>, user: u32, mapped: u8) -> Person {
    let person = |standing| Person {
        standing,
        role: RoleWish::None,
        mask: 0,
        content: Fingerprint::default(),
    };
    let snapshot = desired.snapshot;
    let record = snapshot.user(user);
    if !record.active() {
        return person(Standing::Disabled);
    }
    if desired.expression_failed.contains(&user) {
        return person(Standing::Frozen);
    }
    if mapped == 0 {
        return person(Standing::OutOfScope);
    }
    let key = desired.key();
    let rules = desired.rules;
    let judged = desired.with_scope(user, |scope| {
        if let Some(filter) = &rules.filter {
            match filter.evaluate_filter(scope) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err((FailureReason::ExpressionFailed, format!("filterExpression: {error}"))),
            }
        }
        match Content::desired(record, &rules.attributes, scope) {
            Ok(content) => Ok(Some((
                content.mask(),
                content.fingerprint(key),
                key.text(content.email()),
            ))),
            Err(error @ ContentError::Email(_)) => Err((FailureReason::InvalidEmail, error.to_string())),
            Err(error @ ContentError::Attribute { .. }) => Err((FailureReason::ExpressionFailed, error.to_string())),
        }
    });
    match judged {
        Ok(None) => person(Standing::OutOfScope),
        Ok(Some(_)) if mapped & ACTIVE == 0 => person(Standing::Frozen),
        Ok(Some((mask, content, email))) => {
            if let Some(earlier) = desired.emails.insert(email, user) {
                desired.shared_emails.push((user, earlier));
            }
            Person {
                standing: Standing::Wanted,
                role: RoleWish::None,
                mask,
                content,
            }
        }
        Err((FailureReason::ExpressionFailed, message)) => {
            desired.fail_expression(user, &message);
            person(Standing::Frozen)
        }
        Err((reason, message)) => {
            desired.fail_user(user, reason, message);
            person(Standing::Frozen)
        }
    }
}

/// For each person, whether acting or frozen mappings have him.
fn mapped(desired: &Desired<'_>, resolved: &[Resolved]) -> Vec<u8> {
    if desired.rules.scope == UserScope::All {
        return Vec::new();
    }
    let mut mapped = vec![0; desired.snapshot.user_count() as usize];
    for mapping in resolved {
        let bit = if mapping.frozen { FROZEN } else { ACTIVE };
        for source in &mapping.sources {
            for user in desired.source(source) {
                mapped[*user as usize] |= bit;
            }
        }
    }
    mapped
}

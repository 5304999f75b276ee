//! Problems of the contract (RFC 9457) as errors of the write side.

use super::wire::{PROBLEM_BASE, Problem, ProblemKind};
use crate::{fault::Class, http, platform::Error};

/// How much of what a platform says is kept.
const MESSAGE_CHARS: usize = 300;

/// The failure of one item of a batch. `operation` names the item.
pub(super) fn of_item(operation: String, problem: &Problem) -> Error {
    Error::Item {
        operation,
        message: message(problem),
        class: class(problem),
    }
}

/// The failure of a whole request.
///
/// Its status says how to take it, except where a repeat overtook the request that it repeats: that looks like a
/// conflict, and is settled by waiting.
pub(super) fn of_request(operation: String, error: http::Error) -> Error {
    if is(&error, ProblemKind::RequestInProgress) {
        return Error::Item {
            operation,
            message: "the same request is still running".to_owned(),
            class: Class::Unavailable,
        };
    }
    Error::Http {
        operation,
        source: error,
    }
}

/// Whether a request was refused with this problem.
pub(super) fn is(error: &http::Error, kind: ProblemKind) -> bool {
    let http::Error::Status { kind: Some(uri), .. } = error else {
        return false;
    };
    uri.strip_prefix(PROBLEM_BASE) == Some(kind.slug())
}

fn class(problem: &Problem) -> Class {
    match problem.kind() {
        Some(
            ProblemKind::EmailInUse
            | ProblemKind::ExternalIdInUse
            | ProblemKind::NameInUse
            | ProblemKind::PhoneNumberInUse
            | ProblemKind::PreconditionFailed,
        ) => Class::Conflict,
        Some(ProblemKind::NoSeats) => Class::NoSeats,
        Some(ProblemKind::NotFound) => Class::NotFound,
        Some(ProblemKind::InvalidRequest | ProblemKind::MalformedJson | ProblemKind::UnknownRole) => Class::Rejected,
        Some(ProblemKind::RequestInProgress) => Class::Unavailable,
        _ => http::error::of_status(problem.status),
    }
}

fn message(problem: &Problem) -> String {
    let mut text = match &problem.detail {
        Some(detail) => detail.clone(),
        None => problem.title.clone(),
    };
    if problem.detail.is_none() {
        for (at, place) in problem.errors.iter().enumerate() {
            text.push_str(if at == 0 { ": " } else { "; " });
            if let Some(pointer) = &place.pointer {
                text.push_str(field(pointer));
                text.push(' ');
            }
            text.push_str(&place.detail);
        }
    }
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The part of a pointer that means something to a reader: `/items/17/email` is `email`.
fn field(pointer: &str) -> &str {
    let pointer = pointer.trim_start_matches('/');
    let Some(rest) = pointer.strip_prefix("items/") else {
        return pointer;
    };
    rest.split_once('/').map_or("", |(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault as _;

    #[test]
    fn each_problem_of_an_item_has_its_class() {
        let cases = [
            (ProblemKind::EmailInUse, Class::Conflict),
            (ProblemKind::ExternalIdInUse, Class::Conflict),
            (ProblemKind::PreconditionFailed, Class::Conflict),
            (ProblemKind::NoSeats, Class::NoSeats),
            (ProblemKind::NotFound, Class::NotFound),
            (ProblemKind::InvalidRequest, Class::Rejected),
            (ProblemKind::UnknownRole, Class::Rejected),
            (ProblemKind::Forbidden, Class::Forbidden),
            (ProblemKind::TooManyRequests, Class::RateLimited),
            (ProblemKind::Internal, Class::Unavailable),
        ];
        for (kind, class) in cases {
            assert_eq!(
                of_item("creating user e-1".to_owned(), &Problem::new(kind)).class(),
                class,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_problem_of_a_newer_platform_is_taken_by_its_status() {
        let mut problem = Problem::new(ProblemKind::Internal);
        problem.type_uri = "https://directory-sync.io/problems/frozen".to_owned();
        problem.status = 403;
        assert_eq!(of_item(String::new(), &problem).class(), Class::Forbidden);
    }

    #[test]
    fn a_message_names_the_field_and_not_its_place_in_the_batch() {
        let problem = Problem::new(ProblemKind::InvalidRequest).with_pointer("/items/17/email", "has no @");
        let error = of_item("creating user e-1".to_owned(), &problem);
        let title = ProblemKind::InvalidRequest.title();
        assert_eq!(error.to_string(), format!("creating user e-1: {title}: email has no @"));
    }

    #[test]
    fn a_message_is_bounded() {
        let problem = Problem::new(ProblemKind::Internal).with_detail("ü".repeat(10_000));
        assert!(message(&problem).chars().count() <= MESSAGE_CHARS + 1);
    }

    #[test]
    fn a_repeat_that_overtook_its_request_is_tried_again() {
        let refused = |kind: ProblemKind| http::Error::Status {
            host: "api.platform.test".to_owned(),
            status: kind.status(),
            detail: String::new(),
            kind: Some(format!("{PROBLEM_BASE}{}", kind.slug())),
            retry_after: None,
        };
        let running = of_request("creating users".to_owned(), refused(ProblemKind::RequestInProgress));
        assert!(running.class().is_transient());
        let other = of_request("creating users".to_owned(), refused(ProblemKind::IdempotencyKeyReused));
        assert_eq!(other.class(), Class::Rejected);
    }
}

//! Result codes (RFC 4511 §4.1.9, appendix A): what each means for a read, and what a person can do about it.

use directory_sync_model::snapshot::Doubt;

use super::{
    config::{Bind, field},
    protocol::{connection::ConnectionError, message::Outcome},
};
use crate::{directory::Error, fault::Class};

/// How much of a server's words is repeated.
const WORDS: usize = 200;

/// What the end of a search means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything came.
    Complete,
    /// Something came, and it isn't everything.
    Cut(Doubt),
    /// The server refuses to answer with pages and may answer without.
    NoPages,
    /// The search failed.
    Failed,
}

/// Judges the end of a search. `first` says that it was asked for with pages and that nothing has come yet: only then is
/// it worth asking without.
pub fn ending(code: u32, first: bool) -> Ending {
    match code {
        0 => Ending::Complete,
        // OpenLDAP answers 11 to an account that may not page, 389 Directory Server 53 to one page too many at a time;
        // 12 is what the standard asks for.
        11 | 12 | 53 if first => Ending::NoPages,
        3 => Ending::Cut(Doubt::TimeLimit),
        4 | 11 => Ending::Cut(Doubt::SizeLimit),
        10 => Ending::Cut(Doubt::Referral),
        _ => Ending::Failed,
    }
}

/// The error of a bind that didn't succeed. Nothing of the password is in it.
pub fn bind_error(operation: String, outcome: &Outcome<'_>, bind: &Bind) -> Error {
    let anonymous = matches!(bind, Bind::Anonymous);
    let (class, advice) = match outcome.code {
        49 | 32 => (
            Class::Unauthorized,
            "check auth.simple.bindDN and the password in the Secret",
        ),
        48 if anonymous => (
            Class::Unauthorized,
            "the server lets nobody read without a name; set auth.simple",
        ),
        48 | 7 => (
            Class::Unauthorized,
            "the server doesn't accept this account with a simple bind",
        ),
        50 | 53 => (Class::Forbidden, "the server doesn't let this account bind"),
        8 | 13 => (
            Class::InvalidConfiguration,
            "the server wants an encrypted connection; set tls.mode to Required or StartTLS",
        ),
        34 => (
            Class::InvalidConfiguration,
            "auth.simple.bindDN is no distinguished name",
        ),
        code => general(code),
    };
    let mut words = words(outcome.text);
    if let Bind::Simple { password, .. } = bind {
        use secrecy::ExposeSecret as _;
        words = words.replace(password.expose_secret(), "***");
    }
    Error::Ldap {
        operation,
        message: message(outcome, &words, advice),
        class,
        source: None,
    }
}

/// The error of a search that didn't succeed. `base_field` and `filter_field` name the fields that a person would change.
pub fn search_error(operation: String, outcome: &Outcome<'_>, base_field: &str, filter_field: &str) -> Error {
    let (class, advice) = match outcome.code {
        32 => (
            Class::NotFound,
            format!(
                "the base doesn't exist, or the account may not see it; check {base_field} and the account's rights"
            ),
        ),
        34 => (
            Class::InvalidConfiguration,
            format!("the server doesn't take the base for a distinguished name; check {base_field}"),
        ),
        18 | 21 | 87 => (
            Class::InvalidConfiguration,
            format!("the server can't use the filter; check {filter_field}"),
        ),
        50 => (
            Class::Forbidden,
            "the account lacks the right to search here; grant it read access".to_owned(),
        ),
        1 | 48 | 49 => (
            Class::Unauthorized,
            "the server wants a bind first; check auth".to_owned(),
        ),
        code => {
            let (class, advice) = general(code);
            (class, advice.to_owned())
        }
    };
    Error::Ldap {
        operation,
        message: message(outcome, &words(outcome.text), &advice),
        class,
        source: None,
    }
}

/// The error of a refused `StartTLS`.
pub fn start_tls_error(operation: String, outcome: &Outcome<'_>) -> Error {
    Error::Ldap {
        operation,
        message: message(
            outcome,
            &words(outcome.text),
            "the server doesn't begin TLS on this connection; set up its certificate, or use an ldaps:// url",
        ),
        class: match outcome.code {
            51 | 52 => Class::Unavailable,
            _ => Class::InvalidConfiguration,
        },
        source: None,
    }
}

fn general(code: u32) -> (Class, &'static str) {
    match code {
        51 | 52 | 80 => (Class::Unavailable, "the server can't answer now"),
        53 => (Class::Unavailable, "the server refuses to answer; its log says why"),
        12 => (
            Class::Protocol,
            "the server lacks an extension that it takes for required",
        ),
        _ => (Class::Protocol, "the server's log may say more"),
    }
}

/// The error of a connection that ended or never was.
pub fn connection_error(operation: String, error: ConnectionError) -> Error {
    match error {
        ConnectionError::Silent(after) => Error::Timeout { operation, after },
        ConnectionError::Malformed(_) | ConnectionError::TooLarge => Error::Protocol {
            operation,
            message: error.to_string(),
        },
        ConnectionError::Broken(source) => Error::Ldap {
            operation,
            message: "the connection broke".to_owned(),
            class: Class::Unavailable,
            source: Some(Box::new(source)),
        },
        ConnectionError::Closed | ConnectionError::Disconnected(_) => Error::Ldap {
            operation,
            message: error.to_string(),
            class: Class::Unavailable,
            source: None,
        },
    }
}

/// The error of a field that can't be used as it is.
pub fn configuration(name: &str, message: impl Into<String>) -> Error {
    Error::Configuration {
        field: field(name),
        message: message.into(),
    }
}

fn message(outcome: &Outcome<'_>, words: &str, advice: &str) -> String {
    let mut text = format!("{} (result code {}): {advice}", name(outcome.code), outcome.code);
    let matched = self::words(outcome.matched);
    if !matched.is_empty() {
        text.push_str("; the tree exists as far as ");
        text.push_str(&matched);
    }
    if !words.is_empty() {
        text.push_str("; the server says: ");
        text.push_str(words);
    }
    text
}

/// A server's words, bounded and on one line.
pub fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words = text.trim().chars().take(WORDS);
    words.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The name of a result code (RFC 4511 §4.1.9).
pub const fn name(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        33 => "aliasProblem",
        34 => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        54 => "loopDetect",
        80 => "other",
        _ => "an unknown result",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::Fault as _;

    fn outcome(code: u32, text: &'static str) -> Outcome<'static> {
        Outcome {
            code,
            matched: b"",
            text: text.as_bytes(),
            cookie: None,
        }
    }

    fn simple() -> Bind {
        Bind::Simple {
            dn: "cn=sync".into(),
            password: "hunter2".into(),
        }
    }

    #[test]
    fn a_limit_of_the_server_makes_the_read_incomplete() {
        assert_eq!(ending(3, false), Ending::Cut(Doubt::TimeLimit));
        assert_eq!(ending(4, false), Ending::Cut(Doubt::SizeLimit));
        assert_eq!(ending(11, false), Ending::Cut(Doubt::SizeLimit));
        assert_eq!(ending(10, false), Ending::Cut(Doubt::Referral));
        assert_eq!(ending(4, true), Ending::Cut(Doubt::SizeLimit));
    }

    #[test]
    fn only_result_code_0_is_complete() {
        let complete = (0..200).filter(|code| ending(*code, false) == Ending::Complete);
        assert_eq!(complete.collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_refused_page_is_asked_for_without_pages_only_while_nothing_has_come() {
        for code in [11, 12, 53] {
            assert_eq!(ending(code, true), Ending::NoPages);
            assert_ne!(ending(code, false), Ending::NoPages);
        }
    }

    #[test]
    fn each_refusal_has_its_class_and_says_what_to_do() {
        for (code, class, advice) in [
            (32, Class::NotFound, "users.baseDN"),
            (34, Class::InvalidConfiguration, "users.baseDN"),
            (18, Class::InvalidConfiguration, "users.filter"),
            (50, Class::Forbidden, "grant it read access"),
            (1, Class::Unauthorized, "check auth"),
            (51, Class::Unavailable, "can't answer now"),
            (52, Class::Unavailable, "can't answer now"),
            (53, Class::Unavailable, "refuses to answer"),
            (2, Class::Protocol, "log"),
        ] {
            let error = search_error(
                "searching".into(),
                &outcome(code, "no\nway"),
                "users.baseDN",
                "users.filter",
            );
            assert_eq!(error.class(), class, "{code}");
            let text = error.to_string();
            assert!(
                text.contains(advice) && text.ends_with("the server says: no way"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_refused_bind_has_its_class_and_never_shows_the_password() {
        for (code, bind, class, advice) in [
            (49, simple(), Class::Unauthorized, "password in the Secret"),
            (48, Bind::Anonymous, Class::Unauthorized, "set auth.simple"),
            (50, simple(), Class::Forbidden, "doesn't let this account bind"),
            (13, simple(), Class::InvalidConfiguration, "tls.mode"),
            (34, simple(), Class::InvalidConfiguration, "bindDN"),
            (52, simple(), Class::Unavailable, "can't answer now"),
        ] {
            let error = bind_error("binding".into(), &outcome(code, "hunter2 is wrong"), &bind);
            assert_eq!(error.class(), class, "{code}");
            let text = error.to_string();
            assert!(text.contains(advice), "{text}");
            assert!(matches!(bind, Bind::Anonymous) || !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_servers_words_are_bounded() {
        assert_eq!(words("x".repeat(10_000).as_bytes()).len(), WORDS);
        assert_eq!(words(b" a\0b\xff\n "), "a b\u{fffd}");
    }

    #[test]
    fn a_lost_connection_is_an_error_of_its_kind() {
        let class = |error| connection_error("reading".into(), error).class();
        assert_eq!(class(ConnectionError::Closed), Class::Unavailable);
        assert_eq!(class(ConnectionError::Silent(Duration::from_secs(1))), Class::Timeout);
        assert_eq!(class(ConnectionError::TooLarge), Class::Protocol);
    }
}

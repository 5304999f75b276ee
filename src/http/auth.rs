//! Credentials on their way into a request, and out of everything else.

use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::Error;

/// How a client shows who it is.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// `Authorization: Bearer TOKEN` (RFC 6750).
    Bearer(SecretString),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
}

impl Auth {
    /// What this credential is known by where rates are shared.
    pub fn id(&self) -> CredentialId {
        match self {
            Self::None => CredentialId::of(&[]),
            Self::Bearer(token) => CredentialId::of(&["bearer", token.expose_secret()]),
            Self::Basic { user, password } => CredentialId::of(&["basic", user, password.expose_secret()]),
        }
    }

    /// The header to send, marked as sensitive. `request` makes a request to nowhere, of which only the header is used.
    pub(super) fn header(&self, client: &reqwest::Client) -> Result<Option<HeaderValue>, Error> {
        let request = client.get("http://unused.invalid");
        let request = match self {
            Self::None => return Ok(None),
            Self::Bearer(token) => {
                // A line break at the end is what `echo TOKEN | base64` leaves behind.
                let token = token.expose_secret().trim();
                if token.is_empty() {
                    return Err(Error::InvalidCredential {
                        why: "the token is empty",
                    });
                }
                request.bearer_auth(token)
            }
            Self::Basic { user, password } => {
                if user.contains(':') {
                    return Err(Error::InvalidCredential {
                        why: "the user name contains a colon, which RFC 7617 does not allow",
                    });
                }
                request.basic_auth(user, Some(password.expose_secret()))
            }
        };
        let refused = |_| Error::InvalidCredential {
            why: "the token contains a space, a line break or another character that no header can carry",
        };
        let mut header = request
            .build()
            .map_err(refused)?
            .headers_mut()
            .remove(http::header::AUTHORIZATION);
        if let Some(header) = &mut header {
            header.set_sensitive(true);
        }
        Ok(header)
    }

    /// Cuts everything secret out of a text that came from the other side.
    pub(super) fn redact(&self, text: &str, header: Option<&HeaderValue>) -> String {
        let mut secrets: Vec<&str> = Vec::new();
        match self {
            Self::None => {}
            Self::Bearer(token) => secrets.push(token.expose_secret().trim()),
            Self::Basic { password, .. } => secrets.push(password.expose_secret()),
        }
        // The encoded form, as a server that echoes headers would show it.
        let encoded = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '));
        secrets.extend(encoded.map(|(_, encoded)| encoded));
        secrets.retain(|secret| !secret.is_empty());
        secrets.iter().fold(text.to_owned(), |text, secret| {
            let text = text.replace(secret, "***");
            // As JSON writes it, for texts in which JSON is quoted.
            match serde_json::to_string(secret) {
                Ok(quoted) => text.replace(&quoted[1..quoted.len() - 1], "***"),
                Err(_) => text,
            }
        })
    }
}

/// What a credential is known by where rates are shared: a SHA-256 of it, kept in memory only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialId([u8; 32]);

impl CredentialId {
    /// The id of a credential that consists of these parts, such as a bind DN and a password.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> reqwest::Client {
        let tls = crate::http::tls::trusting_nobody().unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap()
    }

    #[test]
    fn a_line_break_at_the_end_of_a_token_is_not_sent() {
        let header = Auth::Bearer("s3cret\n".into()).header(&client()).unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer s3cret");
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_without_being_shown() {
        for token in ["", " \n", "two\nlines-geheim"] {
            let refused = Auth::Bearer(token.into()).header(&client()).unwrap_err();
            let text = crate::fault::chain(&refused);
            assert!(!text.contains("geheim"), "{text}");
        }
    }

    #[test]
    fn secrets_are_cut_out_in_plain_and_in_encoded_form() {
        let auth = Auth::Basic {
            user: "ann".into(),
            password: "hunter2".into(),
        };
        let header = auth.header(&client()).unwrap();
        let text = auth.redact("bad password hunter2 in Basic YW5uOmh1bnRlcjI=", header.as_ref());
        assert_eq!(text, "bad password *** in Basic ***");
    }

    #[test]
    fn a_secret_is_cut_out_as_json_writes_it() {
        let auth = Auth::Basic {
            user: "ann".into(),
            password: "p\"q\\\"".into(),
        };
        let text = auth.redact(r#"{"msg":"no such password: p\"q\\\""}"#, None);
        assert_eq!(text, r#"{"msg":"no such password: ***"}"#);
    }

    #[test]
    fn credentials_are_told_apart_and_never_printed() {
        assert_eq!(Auth::Bearer("a".into()).id(), Auth::Bearer("a".into()).id());
        assert_ne!(Auth::Bearer("a".into()).id(), Auth::Bearer("b".into()).id());
        assert_ne!(CredentialId::of(&["ab", "c"]), CredentialId::of(&["a", "bc"]));
        assert!(
            !format!(
                "{:?} {:?}",
                Auth::Bearer("geheim".into()),
                CredentialId::of(&["geheim"])
            )
            .contains("geheim")
        );
    }
}

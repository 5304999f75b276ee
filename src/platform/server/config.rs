//! What the server is told at its start.

use std::{collections::HashSet, fmt, net::SocketAddr, num::NonZeroU32, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// The role of a token's account when its line doesn't name one.
const DEFAULT_ROLE: &str = "administrator";

/// The service account of a token when its line doesn't name one.
const DEFAULT_ACCOUNT: &str = "directory-sync";

/// What the server is told at its start.
#[derive(Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The SQLite file; created when there is none.
    pub database: PathBuf,
    /// Who may call; at least one.
    pub tokens: Vec<TokenConfig>,
    /// The most requests per second of one token; `None` doesn't limit.
    pub rate: Option<NonZeroU32>,
    /// How many users may be active; `None` doesn't limit.
    pub seats: Option<u32>,
}

/// One token and whose it is.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The bearer token (RFC 6750 §2.1).
    pub token: SecretString,
    /// An e-mail address: the account is that user, who is created when there is none. Anything else: the service account `svc_<account>`.
    pub account: String,
    /// The name of the role of a service account, or of a user that is created. Only an administrator's role may write.
    pub role: String,
    /// Whether the token may only read, whatever the role.
    pub read_only: bool,
}

impl TokenConfig {
    /// The token of a service account that may do everything.
    pub fn administrator(token: SecretString) -> Self {
        Self {
            token,
            account: DEFAULT_ACCOUNT.to_owned(),
            role: DEFAULT_ROLE.to_owned(),
            read_only: false,
        }
    }

    /// Whether the account is a user's.
    pub(super) fn is_user(&self) -> bool {
        self.account.contains('@')
    }
}

/// Reads a token file: one token a line, as `TOKEN[,ACCOUNT[,ROLE[,read-only]]]`.
///
/// `ACCOUNT` is an e-mail address or the name of a service account (`directory-sync` when absent), `ROLE` the name of a role
/// (`administrator` when absent). Blank lines and lines that begin with `#` are skipped. Errors name the line, never the token.
pub fn parse_token_file(text: &str) -> Result<Vec<TokenConfig>, TokenFileError> {
    let mut tokens = Vec::new();
    let mut seen = HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = parse_line(line).map_err(|fault| TokenFileError { line: index + 1, fault })?;
        if !seen.insert(token.token.expose_secret().to_owned()) {
            return Err(TokenFileError {
                line: index + 1,
                fault: TokenFault::Duplicate,
            });
        }
        tokens.push(token);
    }
    if tokens.is_empty() {
        Err(TokenFileError {
            line: 0,
            fault: TokenFault::None,
        })
    } else {
        Ok(tokens)
    }
}

fn parse_line(line: &str) -> Result<TokenConfig, TokenFault> {
    let mut fields = line.split(',').map(str::trim);
    let token = fields.next().unwrap_or_default();
    if !is_token(token) {
        return Err(TokenFault::Token);
    }
    let mut config = TokenConfig::administrator(SecretString::from(token));
    if let Some(account) = fields.next().filter(|account| !account.is_empty()) {
        if !is_account(account) {
            return Err(TokenFault::Account);
        }
        account.clone_into(&mut config.account);
    }
    if let Some(role) = fields.next().filter(|role| !role.is_empty()) {
        role.clone_into(&mut config.role);
    }
    match fields.next() {
        None | Some("") => {}
        Some("read-only") => config.read_only = true,
        Some(_) => return Err(TokenFault::Access),
    }
    if fields.next().is_some() {
        Err(TokenFault::Fields)
    } else {
        Ok(config)
    }
}

/// The grammar of a bearer token (RFC 6750 §2.1, `b64token`).
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

fn is_account(text: &str) -> bool {
    let is_email = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
    });
    let is_service = text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_email || is_service
}

/// A token file that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TokenFileError {
    line: usize,
    fault: TokenFault,
}

impl fmt::Display for TokenFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => self.fault.fmt(f),
            line => write!(f, "line {line} of the token file: {}", self.fault),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum TokenFault {
    #[error("the token may only have letters, digits and -._~+/, with = at its end")]
    Token,
    #[error("the account must be an e-mail address, or at most 64 letters, digits and -._")]
    Account,
    #[error("the fourth field must be `read-only` or be left out")]
    Access,
    #[error("a line has at most four fields: TOKEN,ACCOUNT,ROLE,read-only")]
    Fields,
    #[error("this token was on an earlier line")]
    Duplicate,
    #[error("the token file has no token; write one line `TOKEN[,ACCOUNT[,ROLE[,read-only]]]`")]
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_token_alone_is_an_administrator() {
        let tokens = parse_token_file("# tokens\n\n  s3cret==  \n").unwrap();
        assert_eq!(tokens.len(), 1);
        assert_eq!(tokens[0].token.expose_secret(), "s3cret==");
        assert_eq!(
            (tokens[0].account.as_str(), tokens[0].role.as_str()),
            ("directory-sync", "administrator")
        );
        assert!(!tokens[0].read_only);
    }

    #[test]
    fn a_line_names_account_role_and_access() {
        let tokens = parse_token_file("a,owner@acme.test,owner\nb,audit,,read-only\n").unwrap();
        assert!(tokens[0].is_user());
        assert_eq!(tokens[0].role, "owner");
        assert!(!tokens[1].is_user() && tokens[1].read_only);
    }

    #[test]
    fn a_bad_line_is_named_without_its_token() {
        for (text, part) in [
            ("ok\nnot a token\n", "line 2 of the token file: the token may only have"),
            ("s3cret,a b\n", "line 1 of the token file: the account must be"),
            ("s3cret,a,b,write\n", "the fourth field"),
            ("s3cret,a,b,,x\n", "at most four fields"),
            (
                "s3cret\ns3cret\n",
                "line 2 of the token file: this token was on an earlier line",
            ),
            ("# nothing\n", "the token file has no token"),
        ] {
            let message = parse_token_file(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}

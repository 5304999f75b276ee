//! The part of LDAP v3 (RFC 4511) that reading needs: bind, `StartTLS`, search, and their answers.
//!
//! Written here and not taken from a crate, because the address of the server is a tenant's choice: the decoders on
//! offer follow nested BER by recursion (600 KB of opening brackets overflow the stack, which aborts the process),
//! collect a message of any size, and copy every value twice. This one reads each message where it was received, walks
//! it without recursion, and gives up at [`connection::MESSAGE_LIMIT`].

pub mod ber;
pub mod connection;
pub mod filter;
pub mod message;

//! Who the credential is, and whether it may do what a sync needs.

use super::wire::{AccountKind, WhoAmI};
use crate::platform::Identity;

/// What a sync reads and writes. Roles and inboxes are never made by one.
const NEEDED: [&str; 8] = [
    "users:read",
    "users:write",
    "teams:read",
    "teams:write",
    "roles:read",
    "inboxes:read",
    "memberships:read",
    "memberships:write",
];

pub(super) fn of(account: WhoAmI) -> Identity {
    let lacks = |needed: &&str| !account.permissions.iter().any(|has| has == needed);
    Identity {
        user_id: (account.kind == AccountKind::User).then(|| account.id.clone()),
        missing: NEEDED
            .iter()
            .filter(|needed| lacks(needed))
            .map(ToString::to_string)
            .collect(),
        free_seats: account
            .seats
            .limit
            .map(|limit| u64::from(limit).saturating_sub(account.seats.used)),
        name: account.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(change: impl FnOnce(&mut serde_json::Value)) -> WhoAmI {
        let contract: serde_json::Value = serde_saphyr::from_str(super::super::wire::OPENAPI_YAML).unwrap();
        let answer = &contract["paths"]["/v1/whoami"]["get"]["responses"]["200"];
        let mut example = answer["content"]["application/json"]["example"].clone();
        change(&mut example);
        serde_json::from_value(example).unwrap()
    }

    #[test]
    fn a_service_account_is_no_user_and_lacks_nothing() {
        let identity = of(account(|_| ()));
        assert_eq!(identity.user_id, None);
        assert_eq!(identity.name, "svc_directory-sync");
        assert!(identity.missing.is_empty(), "{:?}", identity.missing);
        assert_eq!(identity.free_seats, Some(250 - 31));
    }

    #[test]
    fn a_token_that_may_only_read_lacks_what_writes() {
        let identity = of(account(|account| {
            account["permissions"] = serde_json::json!([
                "users:read",
                "teams:read",
                "roles:read",
                "inboxes:read",
                "memberships:read"
            ]);
        }));
        assert_eq!(identity.missing, ["users:write", "teams:write", "memberships:write"]);
    }

    #[test]
    fn a_users_own_token_names_that_user() {
        let identity = of(account(|account| {
            account["kind"] = "user".into();
            account["id"] = "usr_00000001".into();
        }));
        assert_eq!(identity.user_id.as_deref(), Some("usr_00000001"));
    }

    #[test]
    fn more_users_than_seats_leave_none_and_no_limit_leaves_any() {
        let seats = |limit: serde_json::Value| of(account(|account| account["seats"]["limit"] = limit)).free_seats;
        assert_eq!(seats(30.into()), Some(0));
        assert_eq!(seats(serde_json::Value::Null), None);
    }
}

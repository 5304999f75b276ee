//! Decodes SCIM list pages into rows that borrow from their bytes.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Page<T> {
    #[serde(rename = "totalResults")]
    pub total: u64,
    #[serde(rename = "Resources")]
    pub resources: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub user_name: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Name<'a>,
    #[serde(borrow, default)]
    pub display_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub user_type: Cow<'a, str>,
    pub active: bool,
    #[serde(borrow, default)]
    pub emails: Vec<Value<'a>>,
    #[serde(borrow, default)]
    pub phone_numbers: Vec<Value<'a>>,
    #[serde(borrow, rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    pub enterprise: Enterprise<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Name<'a> {
    #[serde(borrow, default)]
    pub given_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub family_name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub struct Value<'a> {
    #[serde(borrow)]
    pub value: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enterprise<'a> {
    #[serde(borrow, default)]
    pub department: Cow<'a, str>,
    #[serde(borrow, default)]
    pub division: Cow<'a, str>,
    #[serde(borrow, default)]
    pub cost_center: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub display_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub members: Vec<Value<'a>>,
}

/// One page; fails the benchmark when it isn't one.
pub fn page<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Page<T> {
    let text = std::str::from_utf8(body).expect("a page is UTF-8");
    serde_json::from_str(text).expect("a page is a SCIM list")
}

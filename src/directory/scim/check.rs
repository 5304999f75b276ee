//! Tries what a sync needs with the smallest requests that show it.

use directory_sync_model::attribute::AttributeSet;
use serde_json::Value as Json;

use super::{
    ScimDirectory,
    client::{ListRequest, path},
    config::Paging,
    paging::Position,
    plan::Plan,
    selection::{SAMPLE, lost},
};
use crate::{
    directory::{Finding, Part},
    fault::{Class, Fault as _, chain},
    http::{self, Response},
};

impl ScimDirectory {
    pub(super) async fn check_all(&self) -> Vec<Finding> {
        vec![
            self.check_paging().await,
            self.check_list(Part::Users).await,
            self.check_list(Part::Groups).await,
            self.check_selection().await,
        ]
    }

    async fn check_paging(&self) -> Finding {
        let outcome = match self.client.service_provider().await {
            Ok(provider) => Ok(match (self.config.paging, provider.cursor) {
                (Paging::Auto, true) | (Paging::Cursor, _) => "lists are paged by cursor".to_owned(),
                (Paging::Auto, false) => {
                    "lists are paged by index: the provider doesn't say that it knows cursors".to_owned()
                }
                (Paging::Index, _) => "lists are paged by index".to_owned(),
            }),
            Err(error) => Err(chain(&error)),
        };
        Finding {
            tried: "read ServiceProviderConfig".to_owned(),
            outcome,
        }
    }

    async fn check_list(&self, part: Part) -> Finding {
        let tried = match part {
            Part::Users => "read one user",
            Part::Groups => "read one group",
        };
        let outcome = match self
            .sample(part, 1, None)
            .await
            .and_then(|answer| answer.json("a SCIM list"))
        {
            Ok(body) => describe(part, &body),
            Err(error) => Err(advise(&error)),
        };
        Finding {
            tried: tried.to_owned(),
            outcome,
        }
    }

    /// Compares users as they come by themselves with the same users as they come when attributes are chosen.
    async fn check_selection(&self) -> Finding {
        let outcome = self.compare_selections().await;
        Finding {
            tried: "read users with a choice of attributes".to_owned(),
            outcome,
        }
    }

    async fn compare_selections(&self) -> Result<String, String> {
        if !self.config.select_attributes {
            return Ok("attributes are not chosen: every user comes whole".to_owned());
        }
        let selection = Plan::new(without_custom(), &self.paths).selection().unwrap_or_default();
        let whole = self
            .sample(Part::Users, SAMPLE, None)
            .await
            .map_err(|error| advise(&error))?;
        let chosen = match self.sample(Part::Users, SAMPLE, Some(&selection)).await {
            Ok(chosen) => chosen,
            Err(http::Error::Status { status: 400, .. }) => {
                return Ok("the provider refuses the parameter attributes: every user comes whole".to_owned());
            }
            Err(error) => return Err(advise(&error)),
        };
        let lost = lost(&selection, &whole.body, &chosen.body);
        if lost.is_empty() {
            Ok("everything that was asked for came".to_owned())
        } else {
            Ok(format!(
                "the provider leaves out {}, although they are asked for: every user comes whole",
                lost.join(", ")
            ))
        }
    }

    async fn sample(&self, part: Part, count: u32, selection: Option<&str>) -> Result<Response, http::Error> {
        let position = Position::start(match self.config.paging {
            Paging::Cursor => Paging::Cursor,
            Paging::Auto | Paging::Index => Paging::Index,
        });
        let filter = match part {
            Part::Users => &self.config.user_filter,
            Part::Groups => &self.config.group_filter,
        };
        let request = ListRequest {
            part,
            position: &position,
            count,
            filter: filter.as_deref(),
            selection: selection.map(|selection| ("attributes", selection)),
        };
        let turn = self.limiter.acquire().await;
        turn.map_err(|paused| self.client.paused(paused))?;
        // Without the second try of `list`: whether the choice is refused is the question.
        self.client.send(request, request.selection).await
    }
}

/// Every attribute that has a name.
fn without_custom() -> AttributeSet {
    AttributeSet::ALL.iter().collect()
}

fn member<'v>(value: &'v Json, name: &str) -> Option<&'v Json> {
    let object = value.as_object()?;
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn first(list: &Json) -> Option<&Json> {
    member(list, "Resources")?.as_array()?.first()
}

fn describe(part: Part, list: &Json) -> Result<String, String> {
    let total = member(list, "totalResults").and_then(Json::as_u64);
    if total.is_none() && member(list, "Resources").is_none() {
        return Err("the answer is no SCIM list; check that the URL is the base of a SCIM 2.0 service".to_owned());
    }
    let Some(resource) = first(list) else {
        return match part {
            Part::Users => Err("there is nobody; check the filter and what the credential may see".to_owned()),
            Part::Groups => Ok("there are no groups, or the credential may not see them".to_owned()),
        };
    };
    let count = match total {
        Some(total) => format!("{total} in all"),
        None => "the provider doesn't say how many there are, so that a cut list can't be told".to_owned(),
    };
    let needed: &[&str] = match part {
        Part::Users => &["id", "userName", "emails"],
        Part::Groups => &["id", "displayName"],
    };
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|name| member(resource, name).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(format!("{count}; the first has no {}", missing.join(", ")));
    }
    Ok(match (part, member(resource, "members")) {
        (Part::Groups, None) => {
            format!("{count}; the first comes without members: if none has any, each group is asked for by itself")
        }
        _ => count,
    })
}

fn advise(error: &http::Error) -> String {
    let advice = match error.class() {
        Class::NotFound => {
            format!(
                "; check the URL: {} and {} are added to it",
                path(Part::Users),
                path(Part::Groups)
            )
        }
        Class::Unauthorized => "; check the credential".to_owned(),
        Class::Forbidden => "; give the credential the right to read users and groups".to_owned(),
        Class::Rejected => "; check the filter".to_owned(),
        _ => String::new(),
    };
    format!("{}{advice}", chain(error))
}

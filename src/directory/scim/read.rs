//! Reads one page.

use std::sync::atomic::Ordering;

use directory_sync_model::{
    attribute::AttributeSet,
    snapshot::{Batch, Doubt},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    ScimDirectory,
    client::{ListRequest, ServiceProvider, reading},
    config::Paging,
    map,
    paging::{Next, Position, next},
    plan::Plan,
    selection::{SAMPLE, lost},
    wire::{GroupRows, List, NotAList, Rows, UserRows, decode_group, decode_list},
};
use crate::{
    directory::{Cursor, Error, PageEnd, Part},
    http::{self, Response},
};

/// Groups come with their members: a hundred of them fill a page of a thousand users.
const GROUPS_PER_PAGE: u32 = 100;

/// Decodes a page of `GET /Users` into `batch`, which is empty, with the attributes that every sync needs and those in
/// `wanted`. A user who can't be read is rejected on his own.
pub fn decode_users(body: &[u8], wanted: AttributeSet, batch: &mut Batch) -> Result<List, NotAList> {
    let plan = Plan::new(wanted, &[]);
    let mut rows = UserRows {
        plan: &plan,
        batch,
        first_id: None,
    };
    decode_list(body, 0, &mut rows)
}

/// Decodes a page of `GET /Groups` into `batch`, which is empty. A group that can't be read is rejected on its own.
pub fn decode_groups(body: &[u8], batch: &mut Batch) -> Result<List, NotAList> {
    let mut rows = GroupRows::new(batch);
    let list = decode_list(body, 0, &mut rows)?;
    let GroupRows { untold, .. } = rows;
    for group in &untold {
        map::write_group(batch, &group.with(None));
    }
    Ok(list)
}

impl ScimDirectory {
    pub(super) async fn read_users(
        &self,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        let (position, count) = self.position(Part::Users, cursor).await?;
        let plan = Plan::new(wanted, &self.paths);
        let selection = plan.selection();
        let selection = match &selection {
            Some(selection) => ("attributes", selection.as_str()),
            // The memberships come from the groups; everything else is wanted.
            None => ("excludedAttributes", "groups"),
        };
        let request = ListRequest {
            part: Part::Users,
            position: &position,
            count,
            filter: self.config.user_filter.as_deref(),
            selection: Some(selection).filter(|_| self.config.select_attributes),
        };
        let Some(mut response) = self.list(request).await? else {
            return Ok(PageEnd::default());
        };
        if position.is_start() && self.loses_something(request, &response).await? {
            let whole = self.list(request).await?;
            response = whole.unwrap_or(response);
        }
        let mut rows = UserRows {
            plan: &plan,
            batch,
            first_id: None,
        };
        let list = self.decode(&response, &position, &mut rows)?;
        let first = rows.first_id.take();
        Ok(self.end(&position, count, &list, first.as_deref(), batch))
    }

    pub(super) async fn read_groups(&self, cursor: Option<&Cursor>, batch: &mut Batch) -> Result<PageEnd, Error> {
        let (position, count) = self.position(Part::Groups, cursor).await?;
        let request = ListRequest {
            part: Part::Groups,
            position: &position,
            count,
            filter: self.config.group_filter.as_deref(),
            selection: Some(("attributes", "displayName,members")).filter(|_| self.config.select_attributes),
        };
        let Some(mut response) = self.list(request).await? else {
            return Ok(PageEnd::default());
        };
        let mut rows = GroupRows::new(&mut *batch);
        let mut list = self.decode(&response, &position, &mut rows)?;
        if !rows.told
            && !rows.untold.is_empty()
            && position.is_start()
            && self.loses_something(request, &response).await?
        {
            let whole = self.list(request).await?;
            response = whole.unwrap_or(response);
            rows.clear();
            list = self.decode(&response, &position, &mut rows)?;
        }
        let GroupRows { ids, untold, told, .. } = rows;
        if told {
            self.lists_members.store(true, Ordering::Relaxed);
        }
        let ask = !self.lists_members.load(Ordering::Relaxed);
        let asked: Vec<_> = untold
            .iter()
            .filter(|_| ask)
            .map(|group| self.members(&group.id))
            .collect();
        // One is taken in after the other: all at once they might take a hundred times the bytes of one answer.
        let mut answers = stream::iter(asked).buffered(self.config.concurrency.max(1));
        for group in &untold {
            let answer = answers.try_next().await?.flatten();
            let told = answer.as_ref().map(|answer| decode_group(&answer.body));
            match told.transpose() {
                Ok(told) => map::write_group(batch, &group.with(told.and_then(|told| told.members))),
                Err(why) => {
                    batch.unreadable_group(
                        &group.id,
                        &group.display_name,
                        format!("its members can't be read: {why}"),
                    );
                }
            }
        }
        Ok(self.end(&position, count, &list, ids.first().map(String::as_str), batch))
    }

    /// Where to read, and how many resources to ask for.
    async fn position(&self, part: Part, cursor: Option<&Cursor>) -> Result<(Position, u32), Error> {
        let provider = match self.config.paging {
            Paging::Auto => self.provider().await?,
            Paging::Index | Paging::Cursor => &ServiceProvider::default(),
        };
        let most = match part {
            Part::Users => u32::MAX,
            Part::Groups => GROUPS_PER_PAGE,
        };
        let count = self
            .config
            .page_size
            .clamp(1, most)
            .min(provider.max_page_size.unwrap_or(u32::MAX));
        let position = match (cursor, self.config.paging) {
            (Some(cursor), _) => Position::of(cursor).ok_or_else(|| Error::Protocol {
                operation: format!("{} of {}", reading(part), self.client.place()),
                message: "the page cursor is not one of this directory".to_owned(),
            })?,
            (None, Paging::Auto) if provider.cursor => Position::start(Paging::Cursor),
            (None, paging) => Position::start(paging),
        };
        Ok((position, count))
    }

    async fn provider(&self) -> Result<&ServiceProvider, Error> {
        let ask = async || self.client.service_provider().await;
        let failed = |error| self.client.failed("reading ServiceProviderConfig", error);
        self.provider.get_or_try_init(ask).await.map_err(failed)
    }

    /// One page; `None` where a page that was only to check the total is refused, as some providers refuse an index
    /// beyond the end.
    async fn list(&self, request: ListRequest<'_>) -> Result<Option<Response>, Error> {
        match self.client.list(request).await {
            Ok(response) => Ok(Some(response)),
            Err(http::Error::Status { status: 400 | 404, .. })
                if matches!(request.position, Position::Index { check: true, .. }) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.client.failed(reading(request.part), error)),
        }
    }

    async fn members(&self, id: &str) -> Result<Option<Response>, Error> {
        let failed = |error| self.client.failed("reading the members of a group", error);
        let turn = self.limiter.acquire().await;
        turn.map_err(|paused| failed(self.client.paused(paused)))?;
        self.client.group(id).await.map_err(failed)
    }

    fn decode(&self, response: &Response, position: &Position, rows: &mut impl Rows) -> Result<List, Error> {
        decode_list(&response.body, position.before(), rows).map_err(|error| {
            let source = response.decode_failed("a SCIM list", error.why);
            self.client.failed(&format!("reading {}s", rows.noun()), source)
        })
    }

    /// Whether the provider leaves out something of what was asked for. Then nothing is chosen any more.
    async fn loses_something(&self, request: ListRequest<'_>, chosen: &Response) -> Result<bool, Error> {
        let Some(("attributes", selection)) = request.selection.filter(|_| self.client.selects()) else {
            return Ok(false);
        };
        let failed = |error| self.client.failed(reading(request.part), error);
        let turn = self.limiter.acquire().await;
        turn.map_err(|paused| failed(self.client.paused(paused)))?;
        let sample = ListRequest {
            count: request.count.min(SAMPLE),
            ..request
        };
        let whole = self.client.send(sample, None).await;
        let whole = whole.map_err(failed)?;
        let lost = lost(selection, &whole.body, &chosen.body);
        if lost.is_empty() {
            return Ok(false);
        }
        tracing::warn!(
            provider = self.client.place(),
            lost = lost.join(", "),
            "The provider leaves out attributes that it is asked for; everything is asked for instead."
        );
        Ok(self.client.stop_selecting())
    }

    fn end(&self, position: &Position, count: u32, list: &List, first: Option<&str>, batch: &mut Batch) -> PageEnd {
        let mut end = PageEnd {
            total: list.total,
            ..PageEnd::default()
        };
        match next(position, count, list, first) {
            Next::Page(position) => end.next = Some(position.to_cursor()),
            Next::End => {}
            Next::SamePage => {
                batch.clear();
                if list.total.is_none_or(|total| total > position.before()) {
                    end.doubts.push(Doubt::Interrupted {
                        cause: format!(
                            "{} answers startIndex {} with a page that it had sent before; set paging, or a page size \
                             that holds everybody",
                            self.client.place(),
                            position.before() + 1
                        ),
                    });
                }
            }
        }
        end
    }
}

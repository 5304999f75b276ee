//! A small company before and after a few people moved, and what every provider is to say of it.

use std::collections::BTreeSet;

/// How many entries a page has.
pub(super) const PAGE: usize = 10;

/// The people and groups of one directory, in its order.
#[derive(Clone, Debug)]
pub(super) struct Company {
    /// Numbers of people.
    pub(super) people: Vec<usize>,
    /// Whether everybody has a title.
    pub(super) titled: bool,
    /// How many people the directory says that it has, where it says so; absent: as many as it has.
    pub(super) stated: Option<usize>,
    /// The names of the groups.
    pub(super) names: Vec<String>,
    /// The members of each group.
    pub(super) groups: Vec<BTreeSet<usize>>,
}

/// Has gone from the directory and from its groups.
pub(super) const LEAVER: usize = 17;
/// Is still there, and in no group any more.
pub(super) const UNMAPPED: usize = 23;
/// Is in one group less.
pub(super) const MOVER: usize = 31;
/// Is new.
pub(super) const JOINER: usize = 80;

const PEOPLE: usize = 80;
const GROUPS: usize = 12;

impl Company {
    /// Eighty people in twelve groups, each in two of them: eight pages and two.
    pub(super) fn before() -> Self {
        let mut groups = vec![BTreeSet::new(); GROUPS];
        for person in 0..PEOPLE {
            groups[person % GROUPS].insert(person);
            groups[(person * 5 + 1) % GROUPS].insert(person);
        }
        Self {
            people: (0..PEOPLE).collect(),
            titled: false,
            stated: None,
            names: (0..GROUPS).map(group_name).collect(),
            groups,
        }
    }

    /// Some time later.
    pub(super) fn after() -> Self {
        let mut company = Self::before();
        company.people.retain(|person| *person != LEAVER);
        company.people.push(JOINER);
        for group in &mut company.groups {
            group.retain(|person| ![LEAVER, UNMAPPED].contains(person));
        }
        company.groups[MOVER % GROUPS].remove(&MOVER);
        company.groups[0].insert(JOINER);
        company
    }

    /// What an account sees that has lost the right to read some of the people. The groups name them still.
    pub(super) fn without_some_people(mut self) -> Self {
        self.people.retain(|person| person % 7 != 0);
        self
    }

    /// What comes of a list that ends after so many people, by which the directory has as many as it says, or as it shows.
    pub(super) fn cut_after(mut self, people: usize, says_so: bool) -> Self {
        self.stated = says_so.then_some(self.people.len());
        self.people.truncate(people);
        self
    }

    /// Groups that name nobody who isn't there.
    pub(super) fn with_clean_groups(mut self) -> Self {
        for group in &mut self.groups {
            group.retain(|person| self.people.contains(person));
        }
        self
    }

    pub(super) fn user_pages(&self) -> usize {
        self.people.len().div_ceil(PAGE).max(1)
    }

    pub(super) fn group_pages(&self) -> usize {
        self.groups.len().div_ceil(PAGE)
    }

    /// How many pages are read, the users' first.
    pub(super) fn pages(&self) -> usize {
        self.user_pages() + self.group_pages()
    }

    /// Whether a page is the first of the people or of the groups.
    pub(super) fn begins(&self, page: usize) -> bool {
        page == 0 || page == self.user_pages()
    }

    /// The numbers of the people, or of the groups, of a page.
    pub(super) fn page(&self, page: usize) -> Page {
        let cut = |length: usize, page: usize| (page * PAGE).min(length)..((page + 1) * PAGE).min(length);
        match page.checked_sub(self.user_pages()) {
            None => Page::People(self.people[cut(self.people.len(), page)].to_vec()),
            Some(page) => Page::Groups(cut(self.groups.len(), page).collect()),
        }
    }
}

/// The rows of a page.
#[derive(Clone, Debug)]
pub(super) enum Page {
    People(Vec<usize>),
    Groups(Vec<usize>),
}

impl Page {
    pub(super) fn numbers(&self) -> &[usize] {
        let (Self::People(numbers) | Self::Groups(numbers)) = self;
        numbers
    }
}

/// The directory id of a person.
pub(super) fn person_id(person: usize) -> String {
    format!("p-{person}")
}

/// The address of a person.
pub(super) fn email(person: usize) -> String {
    format!("person{person}@acme.test")
}

/// The directory id of a group.
pub(super) fn group_id(group: usize) -> String {
    format!("g-{group}")
}

/// The name of a mapped group, and of the team that it makes.
pub(super) fn group_name(group: usize) -> String {
    format!("Group {group}")
}

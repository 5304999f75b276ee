//! Pages on disk: one file a list, made once per size and reused.
//!
//! Each page is its length (four bytes, little-endian) and its body. A folder is written under another name and moved
//! when it is whole, so that an interrupted run leaves nothing that looks finished.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{Shape, rest_pages, scim_pages, shape::Expected};

/// Changed whenever the bytes change, so that old folders are not taken for new ones.
const VERSION: u32 = 1;

/// The lists of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `GET /Users` of a SCIM service provider, 1,000 a page.
    ScimUsers,
    /// `GET /Groups` of a SCIM service provider, 100 a page, with members.
    ScimGroups,
    /// `GET /v1/roles` of a platform.
    RestRoles,
    /// `GET /v1/teams` of a platform, 1,000 a page.
    RestTeams,
    /// `GET /v1/inboxes` of a platform: none.
    RestInboxes,
    /// `GET /v1/users` of a platform, 1,000 a page.
    RestUsers,
    /// `GET /v1/memberships?kind=team` of a platform, 1,000 a page.
    RestMemberships,
}

impl List {
    fn file(self) -> &'static str {
        match self {
            Self::ScimUsers => "scim-users.pages",
            Self::ScimGroups => "scim-groups.pages",
            Self::RestRoles => "rest-roles.pages",
            Self::RestTeams => "rest-teams.pages",
            Self::RestInboxes => "rest-inboxes.pages",
            Self::RestUsers => "rest-users.pages",
            Self::RestMemberships => "rest-memberships.pages",
        }
    }
}

/// Generated data of one size.
pub struct Data {
    /// Where the files are.
    pub folder: PathBuf,
    /// The sizes.
    pub shape: Shape,
}

impl Data {
    /// The data of a scale, below the system's temporary folder. They may not be there yet.
    pub fn of_scale(scale: f64) -> Self {
        let shape = Shape::of_scale(scale);
        let name = format!("directory-sync-bench-v{VERSION}-{}", shape.users);
        Self {
            folder: std::env::temp_dir().join(name),
            shape,
        }
    }

    /// Whether the data are there.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Makes the data.
    pub fn generate(&self) -> io::Result<()> {
        let partial = self.partial();
        fs::create_dir_all(&partial)?;
        let writer = |list: List| PageWriter::create(&partial.join(list.file()));
        scim_pages::write_users(self.shape, writer(List::ScimUsers)?)?;
        scim_pages::write_groups(self.shape, writer(List::ScimGroups)?)?;
        rest_pages::write_roles(writer(List::RestRoles)?)?;
        rest_pages::write_teams(self.shape, writer(List::RestTeams)?)?;
        rest_pages::write_inboxes(writer(List::RestInboxes)?)?;
        rest_pages::write_users(self.shape, writer(List::RestUsers)?)?;
        rest_pages::write_memberships(self.shape, writer(List::RestMemberships)?)?;
        fs::rename(&partial, &self.folder)
    }

    /// Where they are while they are made.
    pub fn partial(&self) -> PathBuf {
        self.folder.with_extension(format!("{}.partial", std::process::id()))
    }

    /// The pages of a list.
    pub fn pages(&self, list: List) -> io::Result<Pages> {
        Pages::open(&self.folder.join(list.file()))
    }

    /// What a plan is to find.
    pub fn expected(&self) -> Expected {
        self.shape.expected()
    }
}

/// Writes pages one after the other.
pub struct PageWriter(BufWriter<File>);

impl PageWriter {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(1 << 20, File::create(path)?)))
    }

    /// Writes one page.
    pub fn page(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(body)
    }

    /// Writes what is left.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads pages one after the other into one buffer.
pub struct Pages {
    file: BufReader<File>,
    body: Vec<u8>,
}

impl Pages {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufReader::with_capacity(1 << 16, File::open(path)?),
            body: Vec::new(),
        })
    }

    /// The next page; absent after the last one.
    pub fn next_page(&mut self) -> io::Result<Option<&[u8]>> {
        let mut length = [0; 4];
        if let Err(error) = self.file.read_exact(&mut length) {
            return if error.kind() == io::ErrorKind::UnexpectedEof {
                Ok(None)
            } else {
                Err(error)
            };
        }
        self.body.resize(u32::from_le_bytes(length) as usize, 0);
        self.file.read_exact(&mut self.body)?;
        Ok(Some(&self.body))
    }
}

//! The files of a store on a disk, and which of them a path names by now.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Which file a path names: its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

/// The files of an open database: itself, its log, and the index of that. The log of one is poison to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    pub database: FileId,
    pub logs: [Option<FileId>; 2],
}

/// What the names of the files beside a database end with: its log, and the index of that.
pub(super) const LOGS: [&str; 2] = ["-wal", "-shm"];

/// The path of a file beside a database, of [`LOGS`].
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

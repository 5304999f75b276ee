//! `store`: copies of a store in a file, taken and put in its place while the operator runs. The image has no shell and no
//! other program that could.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    path::Path,
};

use super::{
    Exit,
    args::{CopyArguments, StoreCommand},
    error::Error,
    store::need_named,
    written,
};
use crate::store::{Access, scratch};

/// Copies the store, or puts a copy in its place.
pub async fn store(command: &StoreCommand) -> Result<Exit, Error> {
    match command {
        StoreCommand::Backup(arguments) => backup(arguments).await,
        StoreCommand::Restore(arguments) => restore(arguments).await,
    }
}

async fn backup(CopyArguments { file, store }: &CopyArguments) -> Result<Exit, Error> {
    let store = need_named(store, Access::Copy)?;
    let path = store.file()?;
    if let Some(file) = file {
        if file.exists() {
            return Err(Error::Usage(format!(
                "{} is there already; name another file, or remove it",
                file.display()
            )));
        }
        store.backup(file).await?;
        return Ok(Exit::Done);
    }
    if io::stdout().is_terminal() {
        return Err(Error::Usage(
            "the copy would be written to a terminal: send it to a file (> backup.db), or name one".to_owned(),
        ));
    }
    // Beside the store: where the operator runs there is no other place to write to.
    let copy = scratch(path, "backup");
    let _removed = Removed(&copy);
    store.backup(&copy).await?;
    let mut read = open(&copy)?;
    written(io::copy(&mut read, &mut io::stdout().lock()).map(drop))?;
    Ok(Exit::Done)
}

async fn restore(CopyArguments { file, store }: &CopyArguments) -> Result<Exit, Error> {
    let store = need_named(store, Access::Copy)?;
    let path = store.file()?;
    let copy = scratch(path, "restore");
    let _removed = Removed(&copy);
    let failed = |source| Error::Read {
        path: file.clone().unwrap_or_else(|| "standard input".into()),
        source,
    };
    let mut target = File::create(&copy).map_err(|source| Error::Write {
        path: copy.clone(),
        source,
    })?;
    match file {
        Some(file) => io::copy(&mut open(file)?, &mut target),
        None => io::copy(&mut io::stdin().lock(), &mut target),
    }
    .map_err(failed)?;
    drop(target);
    store.restore(&copy).await?;
    Ok(Exit::Done)
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// A file that is gone in the end, with what a database may leave beside it.
struct Removed<'a>(&'a Path);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.as_os_str().to_owned();
            path.push(end);
            // It isn't there where it was put in place.
            let _ = fs::remove_file(path);
        }
    }
}

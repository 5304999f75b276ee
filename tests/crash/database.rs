//! The file of the operator's store, and what is left of it where a process goes without a word.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use directory_sync::store::{self, Store};
use futures::executor::block_on;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::task::unconstrained;

/// The write-ahead log beside the file.
const LOG: &str = "-wal";

/// A file in which there may be a store.
pub struct Database {
    runtime: Arc<Runtime>,
    folder: PathBuf,
    name: String,
    /// How many processes have had it: each finds what the one before left, under another name.
    owners: AtomicU64,
    file: Mutex<PathBuf>,
}

impl Database {
    /// One of this name in a folder, with what there is at the beginning; nothing where nobody has made it yet.
    pub fn new(runtime: &Arc<Runtime>, folder: &Path, name: String, content: Option<&[u8]>) -> Self {
        let file = folder.join(format!("{name}.db"));
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        Self {
            runtime: Arc::clone(runtime),
            folder: folder.to_owned(),
            name,
            owners: AtomicU64::new(0),
            file: Mutex::new(file),
        }
    }

    /// Opens the store as the operator does at its start.
    pub fn open(&self) -> Result<Store, store::Error> {
        let address = SecretString::from(format!("sqlite://{}", self.file().display()));
        self.wait(Store::open(&address, None))
    }

    /// Waits for something that a store does. Its connections are kept on a runtime whose clock goes on, and other than on that
    /// of the operator, nothing has to get on meanwhile for it to come to its end.
    pub fn wait<T>(&self, act: impl Future<Output = T>) -> T {
        let _entered = self.runtime.enter();
        block_on(unconstrained(act))
    }

    /// The process that had it is gone: the next one finds file and log as they were at that moment, whatever the connections
    /// still do that are about to be closed.
    pub fn leave(&self) {
        let owner = self.owners.fetch_add(1, Ordering::Relaxed) + 1;
        let next = self.folder.join(format!("{}-{owner}.db", self.name));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for suffix in ["", LOG] {
            // Neither need be there.
            drop(fs::copy(beside(&file, suffix), beside(&next, suffix)));
        }
        remove(&file);
        *file = next;
    }

    /// The disk on which it was is gone.
    pub fn lose(&self) {
        remove(&self.file());
    }

    /// What the file holds, with everything in it that was in the log; nothing where nobody has made it.
    pub fn content(&self) -> Option<Vec<u8>> {
        let file = self.file();
        if file.exists() {
            let store = self.open().unwrap();
            self.wait(store.close());
        }
        fs::read(file).ok()
    }

    fn file(&self) -> PathBuf {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        remove(&self.file());
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

fn remove(file: &Path) {
    for suffix in ["", LOG, "-shm"] {
        // Some of them aren't there.
        drop(fs::remove_file(beside(file, suffix)));
    }
}

//! The two databases behind one small interface: statements with `$1` placeholders, which both understand, and rows of
//! numbers and text.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, Row as _, Sqlite, SqlitePool, Transaction,
    postgres::{PgPool, PgRow, Postgres},
    sqlite::SqliteRow,
};

use super::files::Files;

/// An open database.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    /// With the files that were opened.
    Sqlite(SqlitePool, Files),
    Postgres(PgPool),
}

/// A transaction of it.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What is bound to a placeholder.
#[derive(Clone, Debug)]
pub(super) enum Bind {
    Int(i64),
    OptInt(Option<i64>),
    Text(String),
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        // PostgreSQL keeps no NUL in text.
        Self::Text(text.replace('\0', "\u{fffd}"))
    }
}

/// One row.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub fn int(&self, at: usize) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }

    pub fn opt_int(&self, at: usize) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }

    pub fn text(&self, at: usize) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }
}

impl Pool {
    /// A transaction that only reads.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool, _) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that writes.
    pub async fn begin_to_write(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            // A transaction that becomes a writing one half way may have to be given up.
            Self::Sqlite(pool, _) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Writes all that is in a file into a new one.
    pub async fn copy_into(&self, path: &Path) -> Result<(), sqlx::Error> {
        let Self::Sqlite(pool, _) = self else {
            return Err(sqlx::Error::Configuration("it is in no file".into()));
        };
        let path = path.to_string_lossy().into_owned();
        let mut connection = pool.acquire().await?;
        // The copy is written by the same connection.
        sqlx::query("PRAGMA query_only = OFF").execute(&mut *connection).await?;
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool, _) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

macro_rules! bound {
    ($sql:expr, $binds:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql.to_owned()));
        for bind in $binds {
            query = match bind {
                Bind::Int(number) => query.bind(*number),
                Bind::OptInt(number) => query.bind(*number),
                Bind::Text(text) => query.bind(text.as_str()),
            };
        }
        query
    }};
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sql, binds).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(sql, binds).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a query.
    pub async fn fetch(&mut self, sql: &str, binds: &[Bind]) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs one statement for many rows: `before VALUES (…), (…) after`. Each row has the same number of values.
    pub async fn insert(&mut self, before: &str, rows: &[Vec<Bind>], after: &str) -> Result<(), sqlx::Error> {
        for rows in rows.chunks(ROWS) {
            let mut sql = String::with_capacity(before.len() + after.len() + rows.len() * 40);
            sql.push_str(before);
            sql.push_str(" VALUES ");
            let mut number = 0;
            for (at, row) in rows.iter().enumerate() {
                sql.push_str(if at == 0 { "(" } else { ", (" });
                for column in 0..row.len() {
                    number += 1;
                    if column > 0 {
                        sql.push(',');
                    }
                    sql.push('$');
                    sql.push_str(&number.to_string());
                }
                sql.push(')');
            }
            sql.push(' ');
            sql.push_str(after);
            let binds: Vec<Bind> = rows.iter().flatten().cloned().collect();
            self.execute(&sql, &binds).await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

/// How many rows one statement writes: with eleven values each far fewer than the 32,766 that `SQLite` takes.
const ROWS: usize = 500;

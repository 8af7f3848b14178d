//! The one connection that writes, with group commit: verbs that arrive while a commit is on its way to the disk share
//! the next one. With `synchronous=FULL` the disk allows some hundreds of commits a second; the ledger needs thousands
//! of verbs a second, and none may answer before its commit returned.
//!
//! A verb is a function that can run again: when one verb of a group fails, the group is rolled back and each verb runs
//! once more in a transaction of its own, so that a failure stays its own. So it is when two daemons on one PostgreSQL
//! met on the same rows, or the connection broke before the commit. When it breaks during the commit nobody knows what
//! became of it: then every verb of the group fails as [`StoreError::Unsure`], and its caller must stop.
//!
//! On SQLite the write lock makes transactions follow each other. On PostgreSQL they overlap (READ COMMITTED); each
//! verb names state and fence of the rows it changes. What decides by reading *other* rows (a mention by what was said
//! before, the plan by all that stands) is written with [`Writer::decide`], which lets one of them run at a time over
//! all daemons.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::errors::StoreError;
use super::place::Where;
use super::{Role, connect, sqlite};

/// How many verbs share a commit at the most: bounds how long a reader of the WAL or another process waits.
const GROUP: usize = 256;

/// Verbs waiting for the writer; senders wait when it is full, which bounds memory under a flood.
const WAITING: usize = 1024;

/// How often a transaction that met another one, or lost its connection before the commit, is tried.
const TRIES: u32 = 8;

/// A server that does not answer a transaction for so long is out of reach. Less than a lease lasts.
const PATIENCE: Duration = Duration::from_secs(20);

/// One more, for every daemon that asks [`super::Store::data_version`].
pub(super) const CHANGED: &str = "INSERT INTO facts_of_install (name, value) VALUES ('changes', '1') \
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(facts_of_install.value AS BIGINT) + 1 AS TEXT)";

/// The number is this program's own; other programs on the server choose others.
const ONE_DECIDES: &str = "SELECT pg_advisory_xact_lock(8710240711)";

#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Message>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

enum Message {
    Verb(Box<dyn Work>),
    DataVersion(oneshot::Sender<Result<i64, StoreError>>),
    Close,
}

/// Whether a verb reads other rows than it changes, to decide what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    OwnRows,
    OtherRows,
}

trait Work: Send {
    fn reads(&self) -> Reads;
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> BoxFuture<'c, Result<(), StoreError>>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Verb<T, F> {
    verb: F,
    reads: Reads,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Verb<T, F>
where
    T: Send,
    F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    fn reads(&self) -> Reads {
        self.reads
    }

    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> BoxFuture<'c, Result<(), StoreError>> {
        self.result = None;
        Box::pin(async move {
            self.result = Some((self.verb)(connection).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Verb { result, reply, .. } = *self;
        let answer = committed.and_then(|()| result.ok_or(StoreError::Closed));
        // Whoever asked may have gone: a cancelled task. What was committed stays true.
        drop(reply.send(answer));
    }
}

impl Writer {
    pub(super) fn start(line: Line) -> Writer {
        let (jobs, inbox) = mpsc::channel(WAITING);
        let task = tokio::spawn(serve(line, inbox));
        Writer { jobs, task: Arc::new(Mutex::new(Some(task))) }
    }

    /// Runs `verb` in a transaction and answers after its commit returned. What it changes must not rest on rows it
    /// only reads.
    pub(super) async fn write<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.run(verb, Reads::OwnRows).await
    }

    /// The same for a verb that decides by what it reads: no other such verb of any daemon runs meanwhile.
    pub(super) async fn decide<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.run(verb, Reads::OtherRows).await
    }

    async fn run<T, F>(&self, verb: F, reads: Reads) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Verb { verb, reads, result: None, reply });
        self.jobs.send(Message::Verb(work)).await.map_err(|_closed| StoreError::Closed)?;
        answer.await.map_err(|_closed| StoreError::Closed)?
    }

    /// SQLite's own change number, seen from the writer's connection: its own writes do not change it.
    pub(super) async fn data_version(&self) -> Result<i64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Message::DataVersion(reply)).await.map_err(|_closed| StoreError::Closed)?;
        answer.await.map_err(|_closed| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        // A writer that is already gone needs no telling.
        drop(self.jobs.send(Message::Close).await);
        if let Some(task) = self.task.lock().await.take() {
            // A panic in the writer was already answered as `Closed` to everybody who waited.
            drop(task.await);
        }
    }
}

async fn serve(mut line: Line, mut inbox: mpsc::Receiver<Message>) {
    let mut closing = false;
    while !closing {
        let Some(first) = inbox.recv().await else { break };
        let mut group: Vec<Box<dyn Work>> = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Verb(work) => group.push(work),
                Message::DataVersion(reply) => drop(reply.send(line.version().await)),
                Message::Close => {
                    closing = true;
                    break;
                }
            }
            if group.len() < GROUP {
                next = inbox.try_recv().ok();
            }
        }
        commit(&mut line, group).await;
    }
    if let Some(connection) = line.connection.take() {
        // SQLite folds the WAL back on the last close; an error here changes nothing that was committed.
        drop(connection.close().await);
    }
}

async fn commit(line: &mut Line, mut group: Vec<Box<dyn Work>>) {
    if group.is_empty() {
        return;
    }
    match line.persist(&mut group).await {
        Ok(()) => answer(group, || Ok(())),
        Err(StoreError::Unsure) => answer(group, || Err(StoreError::Unsure)),
        Err(StoreError::OutOfReach { cause }) => {
            answer(group, || Err(StoreError::OutOfReach { cause: cause.clone() }));
        }
        Err(error) => match <[_; 1]>::try_from(group) {
            Ok([work]) => work.answer(Err(error)),
            Err(group) => {
                for work in group {
                    let mut alone = [work];
                    let committed = line.persist(&mut alone).await;
                    let [work] = alone;
                    work.answer(committed);
                }
            }
        },
    }
}

fn answer(group: Vec<Box<dyn Work>>, committed: impl Fn() -> Result<(), StoreError>) {
    for work in group {
        work.answer(committed());
    }
}

/// Why a transaction did not go through.
enum Failure {
    /// Nothing of it is in the database.
    Undone(StoreError),
    /// The connection broke during the commit.
    Unsure,
}

/// The connection that writes, made anew when it broke.
pub(super) struct Line {
    connection: Option<AnyConnection>,
    at: Where,
    role: Role,
}

impl Line {
    pub(super) fn new(connection: AnyConnection, at: Where, role: Role) -> Line {
        Line { connection: Some(connection), at, role }
    }

    async fn version(&mut self) -> Result<i64, StoreError> {
        sqlite::data_version(self.connection().await?).await
    }

    async fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::one(&self.at).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Tries again while trying may help.
    async fn persist(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.together(group).await {
                Ok(()) => return Ok(()),
                Err(Failure::Unsure) => return Err(StoreError::Unsure),
                Err(Failure::Undone(error)) if tries < TRIES && (error.is_clash() || error.is_lost()) => {
                    let pause = Duration::from_millis(if error.is_lost() { 500 } else { 10 });
                    tracing::warn!(%error, tries, "a transaction did not go through; trying again");
                    tokio::time::sleep(pause * tries).await;
                }
                Err(Failure::Undone(error)) => return Err(error),
            }
        }
    }

    /// One transaction for the whole group.
    async fn together(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        let (at, role) = (self.at.clone(), self.role);
        let connection = self.connection().await.map_err(Failure::Undone)?;
        let done = match at {
            Where::Sqlite(_) => transaction(connection, group, &at, role).await,
            Where::Postgres(_) => {
                let work = tokio::time::timeout(PATIENCE, transaction(connection, group, &at, role));
                let silent = || Failure::Undone(StoreError::OutOfReach { cause: "no answer".to_owned() });
                work.await.unwrap_or_else(|_elapsed| Err(silent()))
            }
        };
        match done {
            Ok(()) => match self.seal().await {
                Ok(()) => Ok(()),
                Err(failure) => Err(failure),
            },
            Err(failure) => {
                if matches!(&failure, Failure::Undone(error) if error.is_lost()) {
                    // Dropped in the middle of a statement: the server rolls back what was open.
                    self.connection = None;
                } else if let Some(connection) = &mut self.connection {
                    // SQLite may have rolled back by itself (disk full); then this one says so and changes nothing.
                    if sqlx::query("ROLLBACK").execute(connection).await.is_err()
                        && matches!(self.at, Where::Postgres(_))
                    {
                        self.connection = None;
                    }
                }
                Err(failure)
            }
        }
    }

    async fn seal(&mut self) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else { return Err(Failure::Undone(StoreError::Closed)) };
        let commit = sqlx::query("COMMIT").execute(&mut *connection);
        let done = match self.at {
            Where::Sqlite(_) => commit.await.map_err(StoreError::from),
            Where::Postgres(_) => match tokio::time::timeout(PATIENCE, commit).await {
                Ok(done) => done.map_err(StoreError::from),
                Err(_elapsed) => Err(StoreError::Unsure),
            },
        };
        match done {
            Ok(_) => Ok(()),
            Err(error) if error.is_lost() || matches!(error, StoreError::Unsure) => {
                self.connection = None;
                Err(Failure::Unsure)
            }
            Err(error) => {
                drop(sqlx::query("ROLLBACK").execute(connection).await);
                Err(Failure::Undone(error))
            }
        }
    }
}

/// Everything of a transaction but its commit.
async fn transaction(
    connection: &mut AnyConnection,
    group: &mut [Box<dyn Work>],
    at: &Where,
    role: Role,
) -> Result<(), Failure> {
    let begin = match at {
        // Take the write lock at once, so that no statement fails half-way because a visitor came between.
        Where::Sqlite(_) => "BEGIN IMMEDIATE",
        Where::Postgres(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
    };
    let work = async {
        sqlx::query(begin).execute(&mut *connection).await?;
        let shared = matches!(at, Where::Postgres(_));
        if shared && group.iter().any(|work| work.reads() == Reads::OtherRows) {
            // Before any row is locked, so that waiting for it blocks nobody.
            sqlx::query(ONE_DECIDES).execute(&mut *connection).await?;
        }
        for work in group.iter_mut() {
            work.run(connection).await?;
        }
        if shared && role == Role::Visitor {
            sqlx::query(CHANGED).execute(&mut *connection).await?;
        }
        Ok(())
    };
    work.await.map_err(Failure::Undone)
}

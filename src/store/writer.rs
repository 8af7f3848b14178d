//! The one connection that writes, with group commit: verbs that arrive while a commit is on its way to the disk share
//! the next one. With `synchronous=FULL` the disk allows some hundreds of commits a second; the ledger needs thousands
//! of verbs a second, and none may answer before its commit returned.
//!
//! A verb is a function that can run again: when one verb of a group fails, the group is rolled back and each verb runs
//! once more in a transaction of its own, so that a failure stays its own.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection, Row};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::errors::StoreError;

/// How many verbs share a commit at the most: bounds how long a reader of the WAL or another process waits.
const GROUP: usize = 256;

/// Verbs waiting for the writer; senders wait when it is full, which bounds memory under a flood.
const WAITING: usize = 1024;

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

trait Work: Send {
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> BoxFuture<'c, Result<(), StoreError>>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Verb<T, F> {
    verb: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Verb<T, F>
where
    T: Send,
    F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
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
    pub(super) fn start(connection: AnyConnection) -> Writer {
        let (jobs, inbox) = mpsc::channel(WAITING);
        let task = tokio::spawn(serve(connection, inbox));
        Writer { jobs, task: Arc::new(Mutex::new(Some(task))) }
    }

    /// Runs `verb` in a transaction and answers after its commit returned.
    pub(super) async fn write<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Verb { verb, result: None, reply });
        self.jobs.send(Message::Verb(work)).await.map_err(|_closed| StoreError::Closed)?;
        answer.await.map_err(|_closed| StoreError::Closed)?
    }

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

async fn serve(mut connection: AnyConnection, mut inbox: mpsc::Receiver<Message>) {
    let mut closing = false;
    while !closing {
        let Some(first) = inbox.recv().await else { break };
        let mut group: Vec<Box<dyn Work>> = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Verb(work) => group.push(work),
                Message::DataVersion(reply) => drop(reply.send(version(&mut connection).await)),
                Message::Close => {
                    closing = true;
                    break;
                }
            }
            if group.len() < GROUP {
                next = inbox.try_recv().ok();
            }
        }
        commit(&mut connection, group).await;
    }
    // SQLite folds the WAL back on the last close; an error here changes nothing that was committed.
    drop(connection.close().await);
}

async fn commit(connection: &mut AnyConnection, mut group: Vec<Box<dyn Work>>) {
    if group.is_empty() {
        return;
    }
    if together(connection, &mut group).await.is_ok() {
        for work in group {
            work.answer(Ok(()));
        }
        return;
    }
    for work in group {
        let mut alone = [work];
        let committed = together(connection, &mut alone).await;
        let [work] = alone;
        work.answer(committed);
    }
}

async fn together(connection: &mut AnyConnection, group: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    // IMMEDIATE: take the write lock at once, so that no statement fails half-way because a visitor came between.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let mut result = Ok(());
    for work in group.iter_mut() {
        result = work.run(connection).await;
        if result.is_err() {
            break;
        }
    }
    let result = match result {
        Ok(()) => sqlx::query("COMMIT").execute(&mut *connection).await.map(drop).map_err(StoreError::from),
        Err(error) => Err(error),
    };
    if result.is_err() {
        // SQLite may have rolled back by itself (disk full); then this one says so and changes nothing.
        drop(sqlx::query("ROLLBACK").execute(connection).await);
    }
    result
}

async fn version(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("PRAGMA data_version").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

//! Issues Tencent Cloud VOD upload signatures, takes VOD's notifications, and records in Postgres
//! which user uploaded which file.
//!
//! # The way of one upload
//!
//! 1. A backend asks for a signature for one of its users. [`sign`] commits a *ticket* (one upload
//!    intent) and an *issue* (one signature minted for it) to Postgres, and only then answers. The
//!    ticket goes into the signature as `sourceContext`.
//! 2. The user's device uploads to VOD with it. VOD posts a notification. [`receive`] lets it in if
//!    it is authentic, and makes a *delivery* of it: the exact bytes, with an id and a time.
//! 3. [`vod`] reads from it an *event*: facts about files and tasks, whatever the format.
//! 4. [`attribute`] decides whose the file is: the event brings the ticket back.
//! 5. [`record`] joins the facts to what is known, and commits delivery, *upload*, *task* and change
//!    log in one statement, with whatever else is queued. Only then VOD gets its answer.
//! 6. The backend asks [`query`] who uploaded what, or waits there and is told; analysts read the views of
//!    `migrations/analyst/`. [`keep`] keeps the tables in shape.
//!
//! # Reading order
//!
//! Vocabulary, which imports nothing below it: [`config`], [`ops`], [`vod`], [`ticket`], [`erased`],
//! [`http`], [`access`]. The river, in the order in which data flows: [`sign`], [`receive`], [`attribute`],
//! [`record`], [`query`], [`keep`]. Assembly, which imports everything: [`app`], [`simulator`] (a local
//! VOD), [`cli`].
//! `tests/it/layers.rs` holds the code to that.
//!
//! Where a comment names `protocol.md` or "design", it means the two documents that this was written
//! against: what VOD sends and wants, each fact with its source, and the interface that others rely on.

pub mod config;
pub mod ops;
pub mod vod;

pub mod erased;
pub mod ticket;

pub mod access;
pub mod http;

pub mod sign;

pub mod receive;

pub mod attribute;

pub mod record;

pub mod query;

pub mod keep;

pub mod app;

pub mod simulator;

pub mod cli;

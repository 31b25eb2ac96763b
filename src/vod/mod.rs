//! Tencent VOD's wire, pure: bytes in, facts out; no clock, no randomness, no IO. [`client`] is the exception.
//!
//! What it knows of VOD comes from `vod/protocol.md` (named by section in the comments). In reading order:
//! [`event`] is what everything becomes, `json` reads what arrives without ever refusing it for one odd member,
//! [`notification`] turns a body into its items, `v3` and `v2` open the two envelopes, `file_facts`,
//! `task_fact` and `outputs` say what is in them. [`callback_sign`] tells whether VOD sent it. The other direction:
//! [`signature`] permits an upload, [`objections`] explains one that VOD would refuse, [`sample`] plays VOD.
//! [`client`] asks VOD over the network what it holds, signing with [`tc3`]; [`inventory`] reads its answers.
//! [`cos_sign`] is how the bytes of an upload are let in.

pub mod client;
pub mod event;
mod fault;
pub mod inventory;
mod json;
pub mod notification;

mod file_facts;
mod outputs;
mod task_fact;
mod v2;
mod v3;

pub mod callback_sign;
pub mod cos_sign;
pub mod objections;
pub mod sample;
pub mod signature;
pub mod tc3;

#[cfg(test)]
mod tests;

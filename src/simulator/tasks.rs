//! What became of processing: DescribeTaskDetail (protocol.md sections 6 and 7).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::refusal::Refusal;

/// Tasks can be asked for so long after they were submitted.
const ASKED_FOR_DAYS: i64 = 3;

/// The tasks of one sub application.
#[derive(Default)]
pub(super) struct Tasks(HashMap<String, Value>);

impl Tasks {
    pub fn set(&mut self, task_id: &str, response: Value) {
        self.0.insert(task_id.to_owned(), response);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The answer for one task.
    ///
    /// # Errors
    ///
    /// `ResourceNotFound` if nobody set it, `InvalidParameterValue` if it was submitted more than three days ago.
    pub fn describe(&self, wanted: &Describe, now: DateTime<Utc>) -> Result<String, Refusal> {
        let unknown = || Refusal::not_found(format!("Task {} is not found.", wanted.task_id));
        let response = self.0.get(&wanted.task_id).ok_or_else(unknown)?;
        let submitted = response["CreateTime"]
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok());
        if submitted.is_some_and(|at| now - at > TimeDelta::days(ASKED_FOR_DAYS)) {
            return Err(Refusal::value(
                "TaskId: the task was submitted more than 3 days ago.",
            ));
        }
        Ok(response.to_string())
    }
}

/// The parameters of DescribeTaskDetail.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    task_id: String,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}

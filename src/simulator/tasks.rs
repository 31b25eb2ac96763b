//! What became of processing: DescribeTaskDetail, DescribeTasks (protocol.md sections 6 and 7).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::media::{SortBy, TimeRange};
use super::refusal::Refusal;

/// Tasks can be asked for so long after they were submitted.
const ASKED_FOR_DAYS: i64 = 3;
const DEFAULT_LIMIT: usize = 10;
const LONGEST_LIMIT: usize = 100;

/// The tasks of one sub application.
#[derive(Default)]
pub(super) struct Tasks(HashMap<String, Task>);

struct Task {
    /// Its own `CreateTime`, else when it was set.
    created: DateTime<Utc>,
    response: Value,
}

impl Tasks {
    pub fn set(&mut self, task_id: &str, response: Value, now: DateTime<Utc>) {
        let created = submitted(&response).unwrap_or(now);
        let task = Task { created, response };
        self.0.insert(task_id.to_owned(), task);
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
        let response = &self.0.get(&wanted.task_id).ok_or_else(unknown)?.response;
        if submitted(response).is_some_and(|at| now - at > TimeDelta::days(ASKED_FOR_DAYS)) {
            return Err(Refusal::value(
                "TaskId: the task was submitted more than 3 days ago.",
            ));
        }
        Ok(response.to_string())
    }

    /// One page of the tasks of the last three days that fit.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for what is out of bounds, and for a `ScrollToken` that is no task's.
    pub fn list(&self, wanted: &List, now: DateTime<Utc>) -> Result<String, Refusal> {
        let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
        if limit > LONGEST_LIMIT {
            return Err(Refusal::value("Limit is at most 100."));
        }
        let mut found: Vec<(&String, &Task)> = self
            .0
            .iter()
            .filter(|(_, task)| {
                now - task.created <= TimeDelta::days(ASKED_FOR_DAYS) && wanted.fits(task)
            })
            .collect();
        found.sort_by_key(|(task_id, task)| (task.created, *task_id));
        if !wanted.sort.is_ascending()? {
            found.reverse();
        }
        let first = match &wanted.scroll_token {
            None => 0,
            Some(next) => found
                .iter()
                .position(|(task_id, _)| *task_id == next)
                .ok_or_else(|| Refusal::value("ScrollToken: there is no such task."))?,
        };
        let next = found.get(first + limit).map_or("", |(task_id, _)| task_id);
        let page = found.iter().skip(first).take(limit);
        let page: Vec<Value> = page.map(|(task_id, task)| task.listed(task_id)).collect();
        Ok(json!({"TaskSet": page, "ScrollToken": next}).to_string())
    }
}

impl Task {
    /// As a list tells of it.
    fn listed(&self, task_id: &str) -> Value {
        let told = |name: &str| self.response.get(name).cloned().unwrap_or(json!(""));
        json!({
            "TaskId": task_id,
            "Status": told("Status"),
            "TaskType": told("TaskType"),
            "CreateTime": self.created.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "BeginProcessTime": told("BeginProcessTime"),
            "FinishTime": told("FinishTime"),
            "SessionContext": "",
            "SessionId": "",
        })
    }
}

fn submitted(response: &Value) -> Option<DateTime<Utc>> {
    response["CreateTime"].as_str()?.parse().ok()
}

/// The parameters of DescribeTaskDetail.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    task_id: String,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}

/// The parameters of DescribeTasks that a local VOD knows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    status: Option<String>,
    #[serde(default)]
    create_time: TimeRange,
    #[serde(default)]
    sort: SortBy,
    limit: Option<usize>,
    scroll_token: Option<String>,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}

impl List {
    fn fits(&self, task: &Task) -> bool {
        let status = task.response["Status"].as_str();
        self.create_time.has(task.created)
            && (self.status.is_none() || self.status.as_deref() == status)
    }
}

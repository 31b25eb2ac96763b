//! The layer of the environment: variables, and files that variables name.

use super::fault::Faults;
use super::names;
use super::settings::{APP, CONFIG_VARIABLE, OWN_PREFIX, SERVICE, Setting};
use super::sources::Sources;
use super::values::{Given, Values};

/// What the environment says.
pub struct Environment {
    /// About the service.
    pub service: Values,
    /// About the one app that it can describe.
    pub app: Values,
}

/// Reads the environment, and tells what is wrong with it.
pub fn read(sources: &Sources, faults: &mut Faults) -> Environment {
    refuse_unknown(sources, faults);
    Environment {
        service: values(sources, &SERVICE, faults),
        app: values(sources, &APP, faults),
    }
}

/// The name of the variable that names a file with the value.
pub fn file_variable(variable: &str) -> String {
    format!("{variable}_FILE")
}

/// Refuses every variable that has our prefix and is no setting.
///
/// Other `VOD_*` variables are left alone: other tools for VOD use them.
fn refuse_unknown(sources: &Sources, faults: &mut Faults) {
    let known: Vec<String> = SERVICE
        .iter()
        .chain(&APP)
        .filter_map(|setting| setting.variable.map(|variable| (setting, variable)))
        .flat_map(|(setting, variable)| {
            [
                Some(variable.to_owned()),
                setting.secret.then(|| file_variable(variable)),
            ]
        })
        .flatten()
        .chain([CONFIG_VARIABLE.to_owned()])
        .filter(|variable| variable.starts_with(OWN_PREFIX))
        .collect();
    for name in sources
        .variables()
        .filter(|name| name.starts_with(OWN_PREFIX))
    {
        if !known.iter().any(|variable| variable == name) {
            let end = names::closest(name, &known, OWN_PREFIX);
            faults.tell(format!("{name} is no variable of this program{end}"));
        }
    }
}

/// What the environment says about some settings.
fn values(sources: &Sources, settings: &[&'static Setting], faults: &mut Faults) -> Values {
    let given = |name: String| {
        let text = sources.variable(&name)?.to_owned();
        Some(Given {
            place: String::new(),
            name,
            text: Some(text),
        })
    };
    let mut values = Values::default();
    for setting in settings {
        let Some(variable) = setting.variable else {
            continue;
        };
        let file = setting
            .secret
            .then(|| given(file_variable(variable)))
            .flatten();
        values.note(
            setting,
            given(variable.to_owned()),
            file,
            &sources.working_dir,
            faults,
        );
    }
    values
}

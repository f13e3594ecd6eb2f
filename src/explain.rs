//! An error and what lies under it, for a log line or a message.

use std::error::Error;

/// An error with its causes in one line; a cause that its parent already tells is not told twice.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = quiet(error.to_string());
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = quiet(inner.to_string());
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// The text of an error without what a panic said: a library that panics may quote what it was reading. (Tokio's
/// `JoinError` repeats it: `task 7 panicked with message "…"`.)
pub fn quiet(mut text: String) -> String {
    if let Some(at) = text.find(" panicked with message ") {
        text.truncate(at);
        text.push_str(" panicked");
    }
    text
}

/// Lets a panic of this process tell where it was, and its words only when they are a fixed text of the program.
pub fn tell_panics_quietly() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words =
            panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(its words are not told)");
        tracing::error!(place, words, "a panic");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_quoted_is_not_repeated() {
        let letter = "Geachte heer Zwaluw".to_owned();
        let task = tokio::spawn(async move { assert_eq!(letter, "", "{letter}") });
        let error = task.await.unwrap_err();
        assert!(error.to_string().contains("Zwaluw"), "tokio does not quote any more: {error}");
        let told = with_causes(&error);
        assert!(told.contains("panicked") && !told.contains("Zwaluw"), "{told}");
    }
}

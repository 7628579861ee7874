//! What does not work, said once and not for each request, and that it works again.

use std::cell::RefCell;

/// The trouble that there is, if any.
#[derive(Debug, Default)]
pub(super) struct Troubles(RefCell<Option<String>>);

impl Troubles {
    /// Something failed; `hint` is what to do about it.
    pub(super) fn failed(&self, what: &str, hint: &'static str) {
        if self.0.borrow().as_deref() == Some(what) {
            return;
        }
        tracing::error!(hint, "{what}");
        *self.0.borrow_mut() = Some(what.to_owned());
    }

    /// The hub answers.
    pub(super) fn over(&self) {
        // Nearly always there was none.
        if self.0.borrow().is_some() {
            self.0.borrow_mut().take();
            tracing::info!("the hub answers again");
        }
    }
}

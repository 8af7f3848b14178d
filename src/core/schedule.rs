//! Weekly local times and how they become instants. The `cron` crate is asked in local naive time only (SERVERS.md §4).

/// A weekly local time, as staff write it: `Mon-Fri 09:00`, `Sat 11:00`, or a cron expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    written: String,
}

impl Slot {
    /// Reads `Mon-Fri 09:00` and its like.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(written: &str) -> Result<Slot, String> {
        Ok(Slot { written: written.to_owned() })
    }

    /// Reads a cron expression of five, six or seven fields.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn cron(written: &str) -> Result<Slot, String> {
        Ok(Slot { written: written.to_owned() })
    }

    /// As staff wrote it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }
}

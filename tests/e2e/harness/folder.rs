//! The campaign folder of a story: settings for the sandboxes, the shipped facts, links and commands, own posts.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Scene, Server, token_of};

/// A folder that goes when the story ends.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn write(scene: &Scene, servers: &[Server]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["config", "posts", "secrets"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        for name in ["facts.toml", "links.toml", "commands.toml"] {
            std::fs::copy(shipped.join(name), folder.path().join("config").join(name)).unwrap();
        }
        let mut settings = String::from(
            "[campaign]\nname = \"Eyes on Amazon\"\ntimezone = \"America/New_York\"\nlanguages = [\"en\", \"es\"]\n\
             hashtags = [\"#EyesOnAmazon\"]\n",
        );
        settings.push_str(&scene.campaign);
        for (name, server) in &scene.accounts {
            folder.write_token(name, &token_of(name));
            let address = servers[*server].address;
            write!(
                settings,
                "[[accounts]]\nname = \"{name}\"\nserver = \"http://{address}\"\n\
                 token = {{ file = \"secrets/{name}.token\" }}\n"
            )
            .unwrap();
            for (_, slots) in scene.slots.iter().filter(|(account, _)| account == name) {
                writeln!(settings, "slots = {slots}").unwrap();
            }
        }
        settings.push_str(&scene.replies);
        settings.push_str("[store]\nurl = \"sqlite://data/watchpost.db\"\n");
        std::fs::write(folder.path().join("config/watchpost.toml"), settings).unwrap();
        for (name, text) in &scene.posts {
            folder.write_post(name, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("data/watchpost.db")
    }

    fn post(&self, name: &str) -> PathBuf {
        self.path().join("posts").join(format!("{name}.md"))
    }

    /// Writes `posts/NAME.md` as an editor that saves safely does: beside it, then in its place.
    pub(crate) fn write_post(&self, name: &str, text: &str) {
        let path = self.post(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("tmp");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    pub(crate) fn remove_post(&self, name: &str) {
        std::fs::remove_file(self.post(name)).unwrap();
    }

    pub(crate) fn rename_post(&self, from: &str, to: &str) {
        std::fs::create_dir_all(self.post(to).parent().unwrap()).unwrap();
        std::fs::rename(self.post(from), self.post(to)).unwrap();
    }

    pub(crate) fn copy_post(&self, from: &str, to: &str) {
        std::fs::copy(self.post(from), self.post(to)).unwrap();
    }

    pub(crate) fn write_token(&self, account: &str, token: &str) {
        let file = self.path().join(format!("secrets/{account}.token"));
        std::fs::write(&file, format!("{token}\n")).unwrap();
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// A picture to attach, one pixel large.
    pub(crate) fn picture(&self, name: &str) {
        const PIXEL: &str = "89504e470d0a1a0a0000000d4948445200000001000000010806000000\
            1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082";
        let path = self.path().join("posts").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, hex::decode(PIXEL).unwrap()).unwrap();
    }

    /// Every byte the database keeps on disk.
    pub(crate) fn database_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.path().join("data")).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        bytes
    }
}

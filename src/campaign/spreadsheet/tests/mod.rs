//! Tables of posts, as programs write them: each reads to the same posts, or says by cell what is wrong.

use std::fs;

use super::*;
use crate::campaign::{load, tests as campaigns};

mod round_trip;

use crate::core::post::When;

struct Read {
    result: Result<Sheet, SheetError>,
    root: tempfile::TempDir,
}

fn read_with(bytes: &[u8], dates: Option<DateOrder>) -> Read {
    let root = campaigns::folder(&[("posts/one.md", "Hello")]);
    let campaign = load(root.path(), campaigns::now()).unwrap().campaign.unwrap();
    let file = root.path().join("posts/table.csv");
    fs::write(&file, bytes).unwrap();
    let result = read(&campaign, &file, dates, campaigns::now());
    Read { result, root }
}

fn sheet(bytes: &[u8]) -> Sheet {
    read_with(bytes, None).result.unwrap()
}

fn findings(sheet: &Sheet) -> Vec<String> {
    let shown = |finding: &CellFinding| {
        let text = finding.to_string();
        text.split_once("table.csv:").map_or(text.clone(), |(_, rest)| rest.to_owned())
    };
    sheet.findings.iter().map(shown).collect()
}

/// What the first post of a table without findings is, in short.
fn short(sheet: &Sheet) -> Vec<String> {
    assert_eq!(findings(sheet), Vec::<String>::new());
    let post = |row: &Row| {
        let post = row.post.as_ref().unwrap();
        let when = match &post.when {
            When::At(moment) => crate::campaign::markdown::moment_words(moment),
            When::Every(slot) => format!("every {}", slot.written()),
            When::Evergreen => "evergreen".to_owned(),
            When::NextSlot => "slot".to_owned(),
        };
        let accounts: Vec<&str> = post.accounts.iter().map(|name| name.as_str()).collect();
        format!("{} {when} [{}] {}", row.row, accounts.join(" "), post.parts.join(" | "))
    };
    sheet.rows.iter().map(post).collect()
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let letters = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
    letters.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn whatever_program_saved_the_table_the_same_posts_are_read() {
    let comma = "text,date,time,account\r\n\"Who looks, \"\"really\"\"?\",27/11/2026,9:00,eyes\r\nSegundo año,28/11/2026,18:30,vigila\r\n";
    let semicolon = "Texto;Fecha;Hora;Cuenta;;\n\"Who looks, \"\"really\"\"?\";27/11/2026;9:00;Eyes;;\nSegundo año;28/11/2026;18:30;@vigila;;\n;;;;;\n";
    let tab = "Text\tDate\tTime\tAccount\r\n\"Who looks, \"\"really\"\"?\"\t27.11.2026\t09:00:00\teyes\r\nSegundo año\t28.11.2026\t6:30 PM\tvigila\r\n";
    let says = "sep=;\r\nACCOUNT;WHEN;TEXT\r\neyes;2026-11-27 09:00;\"Who looks, \"\"really\"\"?\"\r\nvigila;46354,770833333;Segundo año";
    let titled = "Plan for November,,\n\nwhen,text,who\n11/27/2026 9:00 AM,\"Who looks, \"\"really\"\"?\",eyes\n11/28/2026 6:30 PM,Segundo año,vigila\n";
    let western: Vec<u8> = semicolon.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let expected = ["2026-11-27 09:00 [eyes] Who looks, \"really\"?", "2026-11-28 18:30 [vigila] Segundo año"];
    for (name, bytes) in [
        ("comma", comma.as_bytes().to_vec()),
        ("byte order mark", format!("\u{feff}{comma}").into_bytes()),
        ("semicolon", semicolon.as_bytes().to_vec()),
        ("tab", tab.as_bytes().to_vec()),
        ("unicode text", utf16(tab, false, true)),
        ("unicode text, the other way", utf16(tab, true, true)),
        ("unicode text without a mark", utf16(tab, false, false)),
        ("windows-1252", western),
        ("sep=", says.as_bytes().to_vec()),
        ("a title above", titled.as_bytes().to_vec()),
        ("old line ends", comma.replace("\r\n", "\r").into_bytes()),
    ] {
        let sheet = sheet(&bytes);
        let posts = short(&sheet);
        let posts: Vec<&str> = posts.iter().map(|post| post.split_once(' ').unwrap().1).collect();
        assert_eq!(posts, expected, "{name}");
        let told = sheet.notes.iter().any(|note| note.contains("Windows-1252"));
        assert_eq!(told, name == "windows-1252", "{name}: {:?}", sheet.notes);
    }
}

#[test]
fn rows_have_the_numbers_that_spreadsheets_show() {
    let text = "text,note\n\"one\nmore\",a\n\nthree,b\n,c\nfive,\n";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let sheet = sheet(text.as_bytes());
        assert_eq!(
            findings(&sheet),
            ["6: A5 (text): the post has no text — write it into this cell, or take the row out"]
        );
        let places: Vec<(usize, usize)> = sheet.rows.iter().map(|row| (row.row, row.line)).collect();
        assert_eq!(places, [(2, 2), (4, 5), (5, 6), (6, 7)]);
    }
}

#[test]
fn every_mistake_of_every_row_is_said_at_once_with_its_cell() {
    let text = "text,when,account,media,alt,status,poll,every\n\
                Fine,2027-01-01 09:00,eyes,,,,,\n\
                ,2027-02-30 09:00,eyse,ring.png,,reddy,Yes,\n\
                Late,03/04/2027 9:00,eyes,nowhere.png,A map,,,Tue 12:00\n\
                #NAME?,2027-01-01,,,A map,,,\n";
    assert_eq!(
        findings(&sheet(text.as_bytes())),
        [
            "3: A3 (text): the post has no text — write it into this cell, or take the row out",
            "3: B3 (when): there is no day 2027-02-30 — write the year first, then month and day: 2026-11-27",
            "3: C3 (account): there is no account `eyse` — did you mean `eyes`?",
            "3: D3 (media): `ring.png` has no alt text — describe it in the column alt, for those who cannot see it",
            "3: F3 (status): `status` cannot be `reddy` — did you mean `ready`?",
            "3: G3 (poll): a poll needs at least two options — write the others into columns poll 2, poll 3, or all of them here, each on a line of its own",
            "4: B4 (when): 03/04/2027 can be 3 April 2027 or 4 March 2027 — write the year first (2026-11-27), or say --dates day-first or --dates month-first",
            "4: D4 (media): there is no file `nowhere.png` — the path is relative to the folder in which the table lies",
            "5: A5 (text): `#NAME?` is what a spreadsheet shows when a formula fails — write the text again with ' before its first sign",
            "5: B5 (when): 2027-01-01 has no time of day — write 2027-01-01 09:00, or add a column time",
            "5: E5 (alt): this describes no picture — name its file in the column media",
        ]
    );
}

#[test]
fn a_column_of_days_that_nobody_knows_by_name_is_a_mistake() {
    let german = "id;Datum;Uhrzeit;Konto;Text\nde1;27.11.2090;09:00;eyes;Hallo\n";
    assert_eq!(short(&sheet(german.as_bytes())), ["2 2090-11-27 09:00 [eyes] Hallo"]);
    let text = "text,päivä,kello,tili,väri,huom\nHei,27.11.2090,9:00,eyes,blue,2 of 3\nMoi,28.11.2090,,@Eyes,red,\n";
    let sheet = sheet(text.as_bytes());
    assert!(!sheet.usable);
    assert_eq!(
        findings(&sheet),
        [
            "1: B1: no column is called `päivä`, and its cells hold days — call it date; or notes, if it is not for the queue",
            "1: C1: no column is called `kello`, and its cells hold times of day — call it time; or notes, if it is not for the queue",
            "1: D1: no column is called `tili`, and its cells hold accounts — call it account; or notes, if it is not for the queue",
        ]
    );
}

#[test]
fn a_column_of_times_without_a_name_is_a_mistake() {
    let text = "Plan,,,\nid,Publish,,Post\n,date,time,\nw1,2090-11-27,9:00,hello\nw2,2090-11-28,9:00,you\n";
    let sheet = sheet(text.as_bytes());
    assert!(!sheet.usable);
    let found = findings(&sheet);
    assert!(
        found.iter().any(|it| it.starts_with("2: C2: this column has no name, and its cells hold times")),
        "{found:?}"
    );
}

#[test]
fn a_weekday_that_contradicts_its_date_is_a_mistake() {
    let text = "text,date,time\nOne,\"Tuesday, November 27, 2090\",9:00\nTwo,\"lunes, 27 de noviembre de 2090\",9:00\n\
        Three,Mon 27 Nov 2090,9:00\n";
    assert_eq!(
        findings(&sheet(text.as_bytes())),
        ["2: B2 (date): `Tuesday, November 27, 2090` is a Monday — correct the day of the week or the date"]
    );
}

#[test]
fn a_quotation_mark_that_ends_a_text_too_early_is_a_mistake_of_its_row() {
    let text = "id,when,text,topic\nq1,2090-11-27 09:00,\"He said \"hi\" there\",\n\
        q2,2090-11-28 09:00,\"He said \"\"hi\"\"\" ,\nq3,,5\" of \"rain\",\nq4,,\"two\nlines\"\n\
        q5,,\"Ends\" \"anew\",\n";
    let sheet = sheet(text.as_bytes());
    let wrong = "(text): the text ends at a quotation mark, and more stands behind it — inside a text in quotation \
        marks write \"\" for each \"";
    let found = findings(&sheet);
    assert_eq!(found[..2], [format!("2: C2 {wrong}"), format!("7: C6 {wrong}")], "{found:?}");
    let words: Vec<_> = sheet.rows.iter().map(|row| row.post.as_ref().map(|post| post.parts[0].as_str())).collect();
    // A blank behind the end of a text harms nobody.
    assert_eq!(words[..4], [None, Some("He said \"hi\" "), Some("5\" of \"rain\""), Some("two\nlines")]);
}

#[test]
fn a_quotation_mark_that_never_ends_is_a_mistake() {
    let text = "id,when,text\nu1,2090-11-27 09:00,\"never closed\nu2,2090-11-28 09:00,second\n";
    let sheet = sheet(text.as_bytes());
    assert_eq!(
        findings(&sheet),
        [
            "2: C2 (text): the quotation mark before this text never ends, so all rows below were taken for a part of it — put a \" at its end; inside a text in quotation marks write \"\" for each \""
        ]
    );
    assert!(sheet.rows.iter().all(|row| row.post.is_none()));
    let whole = "id,text\nu1,\"two\nlines\"\nu2,a 6\" screen\nu3,last\n";
    assert_eq!(short(&read_with(whole.as_bytes(), None).result.unwrap()).len(), 3);
}

#[test]
fn a_broken_day_is_told_once_and_control_characters_are_refused() {
    let text = "text,date,time\nOne,#REF!,9:00\nbell \u{7} here,2090-01-01,9:00\n";
    assert_eq!(
        findings(&sheet(text.as_bytes())),
        [
            "2: B2 (date): `#REF!` is what a spreadsheet shows when a formula fails — write what belongs here instead of the formula",
            "3: A3 (text): the text holds U+0007, a control character that nobody sees — delete it, or write the line again",
        ]
    );
}

#[test]
fn one_date_of_the_column_decides_for_all_and_an_order_may_be_given() {
    let text = "text,when\none,03/04/2027 9:00\ntwo,27/04/2027 9:00\n";
    assert_eq!(short(&sheet(text.as_bytes())), ["2 2027-04-03 09:00 [] one", "3 2027-04-27 09:00 [] two"]);
    let open = "text,when\none,03/04/2027 9:00\n";
    let month = read_with(open.as_bytes(), Some(DateOrder::MonthFirst)).result.unwrap();
    assert_eq!(short(&month), ["2 2027-03-04 09:00 [] one"]);
    let mixed = sheet(b"text,when\none,27/04/2027 9:00\ntwo,04/28/2027 9:00\nthree,03/04/2027 9:00\n");
    assert!(!mixed.usable);
    assert!(findings(&mixed).iter().any(|line| line.contains("row 2 writes the day first and row 3 the month first")));
}

#[test]
fn names_of_columns_that_cannot_be_right_make_the_table_unusable() {
    for (text, expected) in [
        (
            "text,visiblity\na,public\n",
            "1: B1: no column is called `visiblity` — did you mean `visibility`? A column of your own may be called notes",
        ),
        ("text,Texto\na,b\n", "1: B1: `Texto` is the same column as `text` — number them: text 1, Texto 2"),
        ("text,date,fecha\na,,\n", "1: C1: `fecha` is the same column as `date` — keep one of the two"),
    ] {
        let sheet = sheet(text.as_bytes());
        assert!(!sheet.usable, "{text}");
        assert_eq!(findings(&sheet), [expected]);
    }
    let own = sheet(b"text,Presupuesto,notas\nHola,12,x\n");
    assert!(own.usable);
    assert_eq!(own.notes, ["not read, because no column is called so: “Presupuesto”"]);
}

#[test]
fn a_row_has_every_field_of_a_post() {
    let text = "id,text,text 2,part 3,at,zone,accounts,topic,facts,lang,cw,visibility,expires,status,late,media,alt,media 2,alt 2\n\
        a/b,One,\"Two\n---\nThree\",Four,2027-01-02 09:00,Europe/Madrid,\"eyes; vigila\",Ring,RING-2000,Español,policing,\
        Unlisted,2027-01-03 09:00,Borrador,hold,media/ring.png,A map,media/ring.png,\"The same\nmap\"\n";
    let read = read_with(text.as_bytes(), None);
    let sheet = read.result.unwrap();
    assert_eq!(findings(&sheet), Vec::<String>::new());
    let post = sheet.rows[0].post.clone().unwrap();
    assert_eq!(post.id.as_str(), "a/b");
    assert_eq!(post.parts, ["One", "Two", "Three", "Four"]);
    assert_eq!(format!("{:?}", post.when), "At(Instant(2027-01-02T09:00:00+01:00))");
    assert_eq!(format!("{:?}", post.expires.unwrap()), "Instant(2027-01-03T09:00:00+01:00)");
    assert_eq!(post.topic.unwrap().as_str(), "ring");
    assert_eq!(post.facts[0].as_str(), "ring-2000");
    assert_eq!(post.lang.as_str(), "es");
    assert_eq!(post.accounts.len(), 2);
    assert_eq!(post.media[1].alt, "The same\nmap");
    assert_eq!(post.media[0].file, read.root.path().join("posts/media/ring.png"));
    let poll = super::tests::sheet(b"text;poll;poll lasts;every\nAsk;Yes | No | Perhaps;2d;cron 0 30 17 * * Tue\n");
    assert_eq!(short(&poll), ["2 every 0 30 17 * * Tue [] Ask"]);
    let poll = poll.rows[0].post.clone().unwrap().poll.unwrap();
    assert_eq!((poll.options.len(), poll.lasts_seconds), (3, 172_800));
}

#[test]
fn a_file_that_is_no_table_of_posts_is_refused_with_what_to_do() {
    let zeros = [b"text,when\nHello\0".as_slice(), &[0; 20]].concat();
    for (bytes, expected) in [
        (b"".as_slice(), "is empty"),
        (b"PK\x03\x04\x14\0\x06\0", "save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old workbook (xls)"),
        (b"%PDF-1.7", "a PDF document"),
        (&zeros, "line 2 holds bytes that are no letters"),
        (b"\x93\xfa\x01\x02\x80text", "is not text"),
        (
            b"name,age\nAda,36\n",
            "has no column for the text: name the columns in the first row, such as text, date, time, account; found: name, age",
        ),
    ] {
        let error = read_with(bytes, None).result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let root = campaigns::folder(&[]);
    let campaign = load(root.path(), campaigns::now()).unwrap().campaign.unwrap();
    for (path, expected) in [("nowhere.csv", "cannot be read"), ("posts", "is not a file")] {
        let error = read(&campaign, &root.path().join(path), None, campaigns::now()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let large = root.path().join("large.csv");
    fs::File::create(&large).unwrap().set_len(100 * 1024 * 1024).unwrap();
    let error = read(&campaign, &large, None, campaigns::now()).unwrap_err().to_string();
    assert!(error.contains("has 100 MB; up to 64 MB are read"), "{error}");
}

#[test]
fn a_row_with_too_many_cells_and_a_quote_that_never_ends_are_said() {
    let commas = sheet(b"text,when\nHello, world, again,2027-01-01 09:00\n");
    let said = findings(&commas);
    assert!(said.iter().any(|line| line.contains("`again` stands beyond the last column")), "{said:?}");
    let open = format!("text,when\n\"Hello,2027-01-01 09:00\n{}", "x,y\n".repeat(20_000));
    let said = findings(&sheet(open.as_bytes()));
    assert!(said[0].contains("look for a \" that begins here and never ends"), "{said:?}");
}

#[test]
fn a_zone_may_stand_behind_the_time_and_letters_of_another_season_are_a_mistake() {
    let table = |at: &str, zone: &str| sheet(format!("id,when,zone,text\nx,{at},{zone},Words\n").as_bytes());
    for (at, zone, expected) in [
        ("2090-01-27 09:00 EST", "", "2 2090-01-27T09:00:00-05:00 [] Words"),
        ("Fri 27 Jan 2090 09:00 EST", "", "2 2090-01-27T09:00:00-05:00 [] Words"),
        ("2090-01-27 09:00 +0100", "", "2 2090-01-27T09:00:00+01:00 [] Words"),
        ("27.01.2090 09:00 Europe/Berlin", "", "2 2090-01-27T09:00:00+01:00 [] Words"),
        ("2090-07-27 09:00", "ET", "2 2090-07-27T09:00:00-04:00 [] Words"),
        ("2090-07-27 09:00", "CEST", "2 2090-07-27T09:00:00+02:00 [] Words"),
    ] {
        assert_eq!(short(&table(at, zone)), [expected]);
    }
    for (at, zone, expected) in [
        (
            "2090-07-27 09:00",
            "EST",
            "2: C2 (zone): on 27 July the clocks of America/New_York show EDT, not EST — write America/New_York",
        ),
        ("2090-07-27 09:00 EST", "", "2: B2 (when): on 27 July the clocks of America/New_York show EDT, not EST"),
        ("2090-01-27 09:00 EST", "Europe/Berlin", "2: C2 (zone): the row says its zone twice"),
        ("2090-01-27 XYZ", "", "2: B2 (when): `2090-01-27 XYZ` is not a date"),
    ] {
        let found = findings(&table(at, zone));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{at} {zone}: {found:?}");
    }
}

#[test]
fn what_programs_write_for_nothing_is_nobodys_warning() {
    let read =
        sheet(b"id,when,cw,author,text\na,2090-01-27 09:00,nan,NA,Words\nb,2090-01-27 10:00,None,<NA>,Words of b\n");
    assert_eq!(findings(&read), Vec::<String>::new());
    for row in &read.rows {
        let post = row.post.as_ref().unwrap();
        assert_eq!((&post.cw, &post.author), (&None, &None));
    }
    let lost = findings(&sheet(b"id,when,text\na,NaT,Words\n"));
    assert!(lost[0].contains("`NaT` is not a date"), "{lost:?}");
    let portuguese = sheet("id,Data,time,Text\na,2090-01-27 00:00:00,9:00,Olá\n".as_bytes());
    assert_eq!(short(&portuguese), ["2 2090-01-27 09:00 [] Olá"]);
}

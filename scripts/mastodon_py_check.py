"""The sandbox, asked by Mastodon.py: called by scripts/mastodon_py_check with its address and two tokens.

Each check is a function; it passes when it returns. The hand under /sandbox plays the people who write to the bot.
"""

import json
import struct
import sys
import threading
import traceback
import urllib.request
import zlib

from mastodon import Mastodon, StreamListener
from mastodon.errors import MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError

BASE, FIRST, SECOND = sys.argv[1:4]
SOON = 20


def client(token):
    """Without waiting when a window is full: a check must fail, not sleep."""
    return Mastodon(access_token=token, api_base_url=BASE, ratelimit_method="throw", request_timeout=SOON)


bot, other = client(FIRST), client(SECOND)


def hand(path, **body):
    """What a person does on the server."""
    request = urllib.request.Request(f"{BASE}/sandbox/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=SOON) as answer:
        return json.load(answer)


def picture():
    """The smallest PNG there is: one black pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def equal(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def fails(error, call):
    """The error of this kind that the call ends in."""
    try:
        result = call()
    except error as met:
        return met
    raise AssertionError(f"no {error.__name__}, but {result!r}")


def credentials_are_verified():
    me = bot.me()
    equal((me.username, me.acct, me.bot), ("bot1", "bot1", True))
    assert me.source is not None and me.created_at is not None


def the_instance_tells_its_limits():
    instance = bot.instance()
    equal(instance.configuration.statuses.max_characters, 500)
    equal(instance.configuration.statuses.characters_reserved_per_url, 23)
    equal(bot.instance_v1().uri, BASE.removeprefix("http://"))
    equal(bot.instance_nodeinfo().software.name, "mastodon")
    assert bot.retrieve_mastodon_version().startswith("4.")


def a_key_used_twice_makes_one_status():
    first = bot.status_post("Said once. #EyesOnAmazon", idempotency_key="one", language="en")
    second = bot.status_post("Said once. #EyesOnAmazon", idempotency_key="one", language="en")
    equal(first.id, second.id)
    own = [status for status in bot.account_statuses(bot.me().id) if "Said once" in status.content]
    equal(len(own), 1)
    equal([tag.name for tag in own[0].tags], ["eyesonamazon"])
    third = other.status_post("Said once. #EyesOnAmazon", idempotency_key="one")
    assert third.id != first.id, "keys belong to an account"


def a_status_carries_what_it_was_given():
    status = bot.status_post("Behind a warning", visibility="unlisted", spoiler_text="policing", language="es")
    equal((status.visibility, status.spoiler_text, status.sensitive, status.language), ("unlisted", "policing", True, "es"))
    equal(bot.status_source(status).text, "Behind a warning")
    poll = bot.make_poll(["Yes", "No"], expires_in=3600)
    equal([option.title for option in bot.status_post("A question", poll=poll).poll.options], ["Yes", "No"])


def a_reply_stands_in_its_thread():
    asked = hand("statuses", **{"from": "ann", "text": "@bot1 what is Ring?"})["id"]
    question = bot.status(asked)
    reply = bot.status_reply(question, "A doorbell camera.", visibility="unlisted")
    equal(reply.in_reply_to_id, question.id)
    equal([named.acct for named in reply.mentions], ["ann"])
    equal([status.id for status in bot.status_context(question).descendants], [reply.id])
    equal([status.id for status in bot.status_context(reply).ancestors], [question.id])


def a_picture_is_described_and_attached():
    media = bot.media_post(picture(), mime_type="image/png", description="A black dot", synchronous=True)
    equal((media.type, media.description), ("image", "A black dot"))
    status = bot.status_post("With a picture", media_ids=media)
    equal([(shown.id, shown.description) for shown in status.media_attachments], [(media.id, "A black dot")])
    with urllib.request.urlopen(status.media_attachments[0].url, timeout=SOON) as answer:
        equal(answer.read(), picture())
    fails(MastodonAPIError, lambda: bot.status_post("Again", media_ids=media))


def notifications_are_paged_to_the_end():
    before = {item.id for item in bot.notifications(limit=80)}
    texts = [f"@bot1 question {number}" for number in range(95)]
    for text in texts:
        hand("statuses", **{"from": "ben", "text": text})
    page, met = bot.notifications(limit=40, types=["mention"]), []
    while page:
        met += [item for item in page if item.id not in before]
        page = bot.fetch_next(page)
    equal(len(met), len(texts))
    equal(len({item.id for item in met}), len(texts))
    equal({item.account.acct for item in met}, {"ben"})
    times = [item.created_at for item in met]
    equal(times, sorted(times, reverse=True))
    after = bot.notifications(min_id=met[-1].id, limit=2)
    equal([item.id for item in after], [met[-3].id, met[-2].id])
    equal(bot.notifications(met[0].id).status.id, met[0].status.id)


def a_mention_comes_down_the_stream():
    heard, opened = [], threading.Event()
    here = threading.Event()

    class Ear(StreamListener):
        def on_notification(self, notification):
            heard.append(notification)
            here.set()

        def handle_heartbeat(self):
            opened.set()

    stream = other.stream_user(Ear(), run_async=True, timeout=SOON)
    try:
        assert opened.wait(SOON), "the stream did not open"
        hand("statuses", **{"from": "cleo", "text": "@bot2 hello"})
        assert here.wait(SOON), "nothing came"
        equal((heard[0].type, heard[0].account.acct), ("mention", "cleo"))
    finally:
        # The server ends it, or the reader would wait for its time-out.
        hand("streams", do="close", account="bot2")
        stream.close()


def a_status_is_edited_boosted_favoured_and_deleted():
    status = bot.status_post("Before")
    assert "After" in bot.status_update(status, "After").content
    equal(other.status_favourite(status).favourites_count, 1)
    equal(other.status_reblog(status).reblog.id, status.id)
    equal(bot.status_delete(status).id, status.id)
    fails(MastodonNotFoundError, lambda: bot.status(status.id))


def errors_are_told_apart():
    fails(MastodonUnauthorizedError, lambda: client("nonsense").me())
    fails(MastodonNotFoundError, lambda: bot.status_post("A reply", in_reply_to_id="7"))
    too_long = fails(MastodonAPIError, lambda: bot.status_post("x" * 501))
    equal(too_long.args[1], 422)
    assert "500" in str(too_long), too_long
    hand("faults", on="create", what={"kind": "answer", "status": 503, "body": "<h1>Down</h1>", "content_type": "text/html"})
    equal(fails(MastodonAPIError, lambda: bot.status_post("Down?")).args[1], 503)
    hand("faults", on="create", what={"kind": "answer", "when": "after", "status": 500, "body": "{}"})
    fails(MastodonAPIError, lambda: bot.status_post("Accepted all the same", idempotency_key="after"))
    before = len([status for status in bot.account_statuses(bot.me()) if "Accepted" in status.content])
    bot.status_post("Accepted all the same", idempotency_key="after")
    after = len([status for status in bot.account_statuses(bot.me()) if "Accepted" in status.content])
    equal((before, after), (1, 1))


def windows_are_told():
    before = bot.ratelimit_remaining
    bot.me()
    assert 0 < bot.ratelimit_remaining < before <= bot.ratelimit_limit, (before, bot.ratelimit_remaining)


CHECKS = [
    credentials_are_verified,
    the_instance_tells_its_limits,
    a_key_used_twice_makes_one_status,
    a_status_carries_what_it_was_given,
    a_reply_stands_in_its_thread,
    a_picture_is_described_and_attached,
    notifications_are_paged_to_the_end,
    a_mention_comes_down_the_stream,
    a_status_is_edited_boosted_favoured_and_deleted,
    errors_are_told_apart,
    windows_are_told,
]


def main():
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"ok      {name}")
        except Exception:  # noqa: BLE001 - whatever a check ends in, the others are made
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc(limit=-4, file=sys.stdout)
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

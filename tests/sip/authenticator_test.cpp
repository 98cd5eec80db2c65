// Authentication: who answers which challenge how, and what comes of it.
#include "sip/authenticator.hpp"

#include <map>

#include "sip/digest_hash.hpp"
#include "tests/sip/registration_support.hpp"

namespace sip {
namespace {

using std::chrono::seconds;
using Kind = Authenticator::Kind;
using Finding = Authenticator::Finding;

const TimePoint start = TimePoint{} + std::chrono::hours(100);
const std::string realm = "example.org";

const char* name_of(Finding finding) {
  constexpr const char* names[] = {"accepted", "absent", "stale", "wrong", "locked", "malformed"};
  return names[static_cast<std::size_t>(finding)];
}

Flow from(const char* address) {
  Flow flow;
  flow.remote = *Address::parse(address, 5060);
  return flow;
}

// alice has a password, carol only hashes.
struct Users : Accounts {
  bool find(std::string_view user, std::string_view r, Secret& secret) const override {
    if (r != realm) return false;
    if (user == "alice") secret.password = "wonderland";
    if (user == "carol") secret.ha1_md5 = md5, secret.ha1_sha256 = sha256;
    return user == "alice" || user == "carol";
  }
  std::string md5 = digest_ha1(DigestAlgorithm::md5, "carol", realm, "christmas");
  std::string sha256 = digest_ha1(DigestAlgorithm::sha256, "carol", realm, "christmas");
};

struct World {
  explicit World(AuthenticatorOptions options = {})
      : gate(with_realm(std::move(options)), users, {1, 2}) {}

  static AuthenticatorOptions with_realm(AuthenticatorOptions options) {
    options.realm = realm;
    return options;
  }
  // The challenge of this algorithm in the answer to a request without credentials.
  std::string challenge(DigestAlgorithm algorithm = DigestAlgorithm::md5,
                        const char* address = "192.0.2.9") {
    std::string buffer;
    MessageBuilder out(buffer);
    out.response(401);
    gate.challenge(out, Kind::registrar, false, from(address), now);
    return challenge_in(out.finish(), algorithm);
  }
  static std::string challenge_in(std::string_view answer, DigestAlgorithm algorithm) {
    const std::string bytes(answer);
    const auto view = test::parsed(bytes);
    for (std::size_t i = 0; i < view.header_count(); ++i) {
      const auto value = view.header(i).value;
      const auto c = parse_digest_challenge(value);
      if (c && c->algorithm == algorithm) return std::string(value);
    }
    return {};
  }
  Finding check(const std::string& credentials, const char* address = "192.0.2.9",
                Kind kind = Kind::registrar, const std::string& more = {}) {
    test::Register request;
    const std::string name = kind == Kind::registrar ? "Authorization: " : "Proxy-Authorization: ";
    if (!credentials.empty()) request.headers.push_back(name + credentials);
    if (!more.empty()) request.headers.push_back(more);
    text = request.text();
    message = test::parsed(text);
    verdict = gate.check(message, kind, from(address), now);
    return verdict.finding;
  }

  Users users;
  Authenticator gate;
  TimePoint now = start;
  std::string text;
  MessageView message;
  Authenticator::Verdict verdict;
};

// Answers one challenge again and again, as a client does.
struct Client {
  Client(const std::string& challenge, std::string user = "alice",
         std::string password = "wonderland")
      : digest(std::move(user), std::move(password)), value(challenge) {
    REQUIRE(digest.on_challenges({value}).has_value());
  }
  std::string answer(const std::string& method = "REGISTER", const std::string& body = {}) {
    return digest.authorization({.method = method, .body = body}, "sip:example.org", "0a4f113b");
  }
  DigestClient digest;
  std::string value;
};

std::string without(std::string text, const std::string& part) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

std::string with(std::string text, const std::string& part, const std::string& other) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), other);
}

}  // namespace

TEST_CASE("authenticator: every algorithm, with password and with hashes") {
  struct Case {
    const char* user;
    const char* password;
    DigestAlgorithm algorithm;
    Finding finding;
  };
  const Case cases[] = {
      {"alice", "wonderland", DigestAlgorithm::md5, Finding::accepted},
      {"alice", "wonderland", DigestAlgorithm::sha256, Finding::accepted},
      {"alice", "wonderland", DigestAlgorithm::sha512_256, Finding::accepted},
      {"alice", "Wonderland", DigestAlgorithm::md5, Finding::wrong},
      {"alice", "", DigestAlgorithm::sha256, Finding::wrong},
      {"carol", "christmas", DigestAlgorithm::md5, Finding::accepted},
      {"carol", "christmas", DigestAlgorithm::sha256, Finding::accepted},
      {"carol", "christmas", DigestAlgorithm::sha512_256, Finding::wrong},  // she has no such hash
      {"carol", "", DigestAlgorithm::sha512_256, Finding::wrong},
      {"nobody", "", DigestAlgorithm::md5, Finding::wrong},
      {"nobody", "wonderland", DigestAlgorithm::md5, Finding::wrong},
  };
  for (const auto& c : cases) {
    World world;
    CAPTURE(c.user);
    CAPTURE(to_string(c.algorithm));
    const auto finding =
        world.check(Client(world.challenge(c.algorithm), c.user, c.password).answer());
    CHECK(name_of(finding) == std::string(name_of(c.finding)));
    CHECK(world.verdict.user == (c.finding == Finding::accepted ? c.user : ""));
  }
}

TEST_CASE("authenticator: challenges") {
  World world;
  const auto text = test::Register{}.text();
  const auto request = test::parsed(text);
  std::string buffer;
  struct Case {
    Kind kind;
    Finding finding;
    int status;
    const char* header;
    bool stale;
  };
  for (const auto& c : {Case{Kind::registrar, Finding::absent, 401, "WWW-Authenticate", false},
                        Case{Kind::proxy, Finding::absent, 407, "Proxy-Authenticate", false},
                        Case{Kind::registrar, Finding::stale, 401, "WWW-Authenticate", true},
                        Case{Kind::proxy, Finding::wrong, 407, "Proxy-Authenticate", false}}) {
    const auto answer = world.gate.refuse(request, c.kind, {c.finding, {}, {}}, from("192.0.2.9"),
                                          start, {.source = {}, .to_tag = "t"}, buffer);
    CHECK(test::parsed(buffer).status() == c.status);
    CHECK(test::values(answer, "To") == "<sip:alice@example.org>;tag=t");
    const auto values = test::values(answer, c.header);
    const auto md5 = values.find("algorithm=MD5, qop=\"auth\"");
    const auto sha256 = values.find("algorithm=SHA-256, qop=\"auth\"");
    CHECK(md5 < sha256);  // sipp and old cameras read the first alone
    CHECK(sha256 < values.find("algorithm=SHA-512-256, qop=\"auth\""));
    CHECK((values.find("stale=true") != std::string::npos) == c.stale);
  }
  world.gate.refuse(request, Kind::proxy, {Finding::locked, {}, seconds(40)}, from("192.0.2.9"),
                    start, {}, buffer);
  CHECK(test::parsed(buffer).status() == 403);
  CHECK(test::values(buffer, "Retry-After") == "40");
  world.gate.refuse(request, Kind::proxy, {Finding::malformed, {}, {}}, from("192.0.2.9"), start,
                    {}, buffer);
  CHECK(test::parsed(buffer).status() == 400);
  CHECK(world.challenge() != world.challenge());  // no nonce twice
}

TEST_CASE("authenticator: which credentials are looked at") {
  World world;
  const auto good = Client(world.challenge()).answer();
  struct Case {
    const char* name;
    std::string credentials;
    std::string more;
    Kind kind;
    Finding finding;
  };
  const Case cases[] = {
      {"none", "", "", Kind::registrar, Finding::absent},
      {"of another realm", with(good, "realm=\"example.org\"", "realm=\"example.com\""), "",
       Kind::registrar, Finding::absent},
      {"of ours behind another's", with(good, "realm=\"example.org\"", "realm=\"example.com\""),
       "Authorization: " + Client(world.challenge()).answer(), Kind::registrar, Finding::accepted},
      {"the other header", "", "Authorization: " + Client(world.challenge()).answer(), Kind::proxy,
       Finding::absent},
      {"of the proxy", Client(world.challenge()).answer(), "", Kind::proxy, Finding::accepted},
      {"an algorithm that nobody has", with(good, "algorithm=MD5", "algorithm=SHA-1"), "",
       Kind::registrar, Finding::absent},
      {"Basic", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "", Kind::registrar, Finding::malformed},
      {"no nonce", "Digest username=\"alice\", realm=\"example.org\"", "", Kind::registrar,
       Finding::malformed},
      {"a count that is none", with(good, "nc=00000001", "nc=1"), "", Kind::registrar,
       Finding::malformed},
      {"a response that is too long",
       with(good, "response=\"", "response=\"" + std::string(100, 'a')), "", Kind::registrar,
       Finding::wrong},
      {"upper case hex is seen",
       [&] {
         auto text = Client(world.challenge()).answer();
         const auto at = text.find("response=\"") + 10;
         std::transform(text.begin() + static_cast<std::ptrdiff_t>(at),
                        text.begin() + static_cast<std::ptrdiff_t>(at) + 32,
                        text.begin() + static_cast<std::ptrdiff_t>(at), [](char c) {
                          return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
                        });
         return text;
       }(),
       "", Kind::registrar, Finding::accepted},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(name_of(world.check(c.credentials, "192.0.2.9", c.kind, c.more)) ==
          std::string(name_of(c.finding)));
  }
}

TEST_CASE("authenticator: the life of a nonce") {
  World world;
  Client client(world.challenge());
  struct Case {
    const char* name;
    int after_s;
    const char* address;
    Finding finding;
  };
  const Case cases[] = {
      {"at once", 0, "192.0.2.9", Finding::accepted},
      {"from another port", 0, "192.0.2.9:6000", Finding::accepted},
      {"from another address", 0, "192.0.2.10", Finding::stale},
      {"at its end", 300, "192.0.2.9", Finding::accepted},
      {"too late", 301, "192.0.2.9", Finding::stale},
      {"before it was made", -1, "192.0.2.9", Finding::stale},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    world.now = start + seconds(c.after_s);
    CHECK(name_of(world.check(client.answer(), c.address)) == std::string(name_of(c.finding)));
  }
  world.now = start;
  auto forged = client.answer();
  const auto nonce = forged.find("nonce=\"") + 7;
  for (const std::size_t digit : {0, 5, 10, 11, 16, 21}) {
    auto one = forged;
    one[nonce + digit] = one[nonce + digit] == 'A' ? 'B' : 'A';
    CHECK(name_of(world.check(one)) == std::string("stale"));
  }
  Authenticator other({.realm = realm}, world.users, {3, 4});
  CHECK(other.check(world.message, Kind::registrar, from("192.0.2.9"), start).finding ==
        Finding::stale);
}

TEST_CASE("authenticator: an IPv6 host may use all addresses of its /64") {
  World world;
  Client client(world.challenge(DigestAlgorithm::md5, "2001:db8:0:1::9"));
  CHECK(name_of(world.check(client.answer(), "2001:db8:0:1::ffff")) == std::string("accepted"));
  CHECK(name_of(world.check(client.answer(), "2001:db8:0:2::9")) == std::string("stale"));
}

TEST_CASE("authenticator: nonce counts") {
  World world;
  Client client(world.challenge());
  const auto first = client.answer(), second = client.answer(), third = client.answer();
  CHECK(name_of(world.check(first)) == std::string("accepted"));
  CHECK(name_of(world.check(first)) == std::string("accepted"));                 // a retransmission
  CHECK(name_of(world.check(first, "192.0.2.9:7777")) == std::string("stale"));  // a replay
  CHECK(name_of(world.check(first, "192.0.2.9", Kind::registrar, "X: changed")) ==
        std::string("stale"));
  CHECK(name_of(world.check(third)) == std::string("accepted"));
  CHECK(name_of(world.check(second)) == std::string("accepted"));  // overtaken
  CHECK(name_of(world.check(second)) == std::string("stale"));
  CHECK(name_of(world.check(first)) == std::string("stale"));
  CHECK(world.gate.counters().replayed == 4);
  CHECK(world.gate.counters().accepted == 4);
}

TEST_CASE("authenticator: nonces that are forgotten are stale, not replayable") {
  World world({.nonces = 1024});
  Client client(world.challenge());
  CHECK(name_of(world.check(client.answer())) == std::string("accepted"));
  for (int i = 0; i < 1023; ++i) world.challenge();
  CHECK(name_of(world.check(client.answer())) == std::string("accepted"));
  world.challenge();
  CHECK(name_of(world.check(client.answer())) == std::string("stale"));
}

TEST_CASE("authenticator: without qop, as cameras do it") {
  struct Case {
    const char* name;
    AuthenticatorOptions options;
    DigestAlgorithm algorithm;
    Finding finding;
  };
  AuthenticatorOptions strict, old;
  strict.accept_without_qop = false;
  old.offer_qop = false;
  const Case cases[] = {
      {"MD5, allowed", {}, DigestAlgorithm::md5, Finding::accepted},
      {"MD5, not allowed", strict, DigestAlgorithm::md5, Finding::absent},
      {"SHA-256 came with qop", {}, DigestAlgorithm::sha256, Finding::absent},
      {"not offered: MD5", old, DigestAlgorithm::md5, Finding::accepted},
      {"not offered: SHA-256", old, DigestAlgorithm::sha256, Finding::accepted},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    World world(c.options);
    auto challenge = world.challenge(c.algorithm);
    if (c.options.offer_qop) challenge = without(challenge, ", qop=\"auth\"");
    Client client(challenge);
    CHECK(name_of(world.check(client.answer())) == std::string(name_of(c.finding)));
    CHECK(name_of(world.check(client.answer())) == std::string(name_of(c.finding)));
  }
}

TEST_CASE("authenticator: auth-int covers the body") {
  World world({.offer_auth_int = true});
  CHECK(world.challenge().find("qop=\"auth,auth-int\"") != std::string::npos);
  for (const auto algorithm : {DigestAlgorithm::md5, DigestAlgorithm::sha256}) {
    Client client(with(world.challenge(algorithm), "auth,auth-int", "auth-int"));
    auto send = [&](const std::string& body, const std::string& credentials) {
      const auto text =
          "MESSAGE sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
          "From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\n"
          "Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nProxy-Authorization: " +
          credentials + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      return world.gate.check(test::parsed(text), Kind::proxy, from("192.0.2.9"), start).finding;
    };
    CHECK(send("hello", client.answer("MESSAGE", "hello")) == Finding::accepted);
    CHECK(send("hellO", client.answer("MESSAGE", "hello")) == Finding::wrong);
    CHECK(send("hello", client.answer("INVITE", "hello")) == Finding::wrong);
  }
}

TEST_CASE("authenticator: guessing is slowed, nobody else is locked out") {
  World world;
  auto guess = [&](const char* user, const char* password, const char* address) {
    Client client(world.challenge(DigestAlgorithm::md5, address), user, password);
    return std::string(name_of(world.check(client.answer(), address)));
  };
  for (int i = 0; i < 5; ++i) CHECK(guess("alice", "guess", "198.51.100.6") == "wrong");
  CHECK(guess("alice", "guess", "198.51.100.6") == "locked");
  CHECK(world.verdict.retry_after == seconds(5));
  CHECK(guess("alice", "wonderland", "198.51.100.6") == "locked");  // not even the right one
  CHECK(guess("alice", "wonderland", "192.0.2.9") == "accepted");
  CHECK(guess("carol", "christmas", "198.51.100.6") == "accepted");
  world.now += seconds(5);
  CHECK(guess("alice", "guess", "198.51.100.6") == "wrong");
  CHECK(guess("alice", "guess", "198.51.100.6") == "locked");
  CHECK(world.verdict.retry_after == seconds(10));  // twice as long
  world.now += std::chrono::hours(1);
  CHECK(guess("alice", "wonderland", "198.51.100.6") == "accepted");  // forgiven
  for (int i = 0; i < 5; ++i) CHECK(guess("alice", "guess", "198.51.100.6") == "wrong");
  CHECK(world.verdict.retry_after == seconds(0));
}

TEST_CASE("authenticator: an answer to somebody else's challenge is not counted") {
  World world;
  // The attacker is challenged at his own address and forges the source of his guesses.
  for (int i = 0; i < 100; ++i) {
    Client client(world.challenge(DigestAlgorithm::md5, "198.51.100.6"), "alice", "guess");
    CHECK(name_of(world.check(client.answer(), "192.0.2.9")) == std::string("stale"));
  }
  CHECK(name_of(world.check(Client(world.challenge()).answer())) == std::string("accepted"));
}

TEST_CASE("authenticator: nothing is told by how an unknown user is refused") {
  World world;
  auto answer = [&](const char* user) {
    std::string told;
    for (int i = 0; i < 8; ++i) {
      Client client(world.challenge(), user, "guess");
      world.check(client.answer());
      told += name_of(world.verdict.finding);
      told += std::to_string(world.verdict.retry_after.count());
    }
    return told;
  };
  CHECK(answer("alice") == answer("nobody"));
}

}  // namespace sip

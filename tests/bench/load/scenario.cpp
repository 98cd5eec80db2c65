#include "tests/bench/load/scenario.hpp"

#include <openssl/evp.h>
#include <strings.h>

#include <array>
#include <cstdio>

namespace load {
namespace {

constexpr const char* domain = "3402000000";
constexpr const char* password = "12345678";
constexpr const char* callee_id = "34020000001310000001";

std::string md5(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_md5(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[hash[i] >> 4];
    hex += "0123456789abcdef"[hash[i] & 15];
  }
  return hex;
}

std::string device(const Options& o, const Run& run) {
  const auto number = o.first + (o.aors != 0 ? run.index % o.aors : run.index);
  std::array<char, 32> id;
  std::snprintf(id.data(), id.size(), "3402000000132%07u", number % 10'000'000U);
  return id.data();
}

std::string server_uri() {
  return std::string("sip:34020000002000000001@") + domain;
}

std::string head(const char* method, const std::string& uri, std::uint32_t slot, const Run& run,
                 int cseq, const std::string& from, const std::string& to) {
  std::array<char, 2048> text;
  const auto& c = *run.connection;
  const int size = std::snprintf(
      text.data(), text.size(),
      "%s %s SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%d;rport;branch=z9hG4bK%08x.%08x.%d\r\n"
      "From: <%s>;tag=f%08x\r\nTo: %s\r\nCall-ID: %08x-%d@127.0.0.1\r\nCSeq: %d %s\r\n"
      "Max-Forwards: 70\r\n",
      method, uri.c_str(), c.udp ? "UDP" : "TCP", c.local_port, slot, run.index, run.step,
      from.c_str(), run.index, to.c_str(), run.index, c.local_port, cseq, method);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string tail(const std::string& body = {}, const char* type = nullptr) {
  std::string text;
  if (type) text += std::string("Content-Type: ") + type + "\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string contact(const std::string& user, int port, bool udp) {
  return "Contact: <sip:" + user + "@127.0.0.1:" + std::to_string(port) +
         (udp ? "" : ";transport=tcp") + ">\r\n";
}

std::string parameter(std::string_view value, std::string_view name) {
  const auto at = value.find(name);
  if (at == std::string_view::npos) return {};
  value.remove_prefix(at + name.size());
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    return std::string(value.substr(0, value.find('"')));
  }
  return std::string(value.substr(0, value.find_first_of(", \r\n")));
}

std::string between_angles(std::string_view value) {
  value.remove_prefix(value.find('<') + 1);
  return std::string(value.substr(0, value.find('>')));
}

std::string authorization(const std::string& who, std::string_view challenge) {
  const auto nonce = parameter(challenge, "nonce="), realm = parameter(challenge, "realm=");
  const auto ha1 = md5(who + ":" + realm + ":" + password);
  const auto ha2 = md5("REGISTER:" + server_uri());
  auto text = "Authorization: Digest username=\"" + who + "\", realm=\"" + realm + "\", nonce=\"" +
              nonce + "\", uri=\"" + server_uri() + "\", algorithm=MD5, ";
  if (parameter(challenge, "qop=").empty())
    return text + "response=\"" + md5(ha1 + ":" + nonce + ":" + ha2) + "\"\r\n";
  return text + "response=\"" + md5(ha1 + ":" + nonce + ":00000001:0a4f113b:auth:" + ha2) +
         "\", cnonce=\"0a4f113b\", qop=auth, nc=00000001\r\n";
}

std::string register_request(const Options& o, std::uint32_t slot, const Run& run,
                             std::string_view answer) {
  const auto who = device(o, run);
  const auto address = "sip:" + who + "@" + domain;
  const auto& c = *run.connection;
  auto text =
      head("REGISTER", server_uri(), slot, run, run.step + 1, address, "<" + address + ">") +
      contact(who, c.local_port, c.udp) + "Expires: " + std::to_string(o.expires) + "\r\n";
  if (run.step == 1) text += authorization(who, header(answer, "\r\nWWW-Authenticate:"));
  return text + tail();
}

std::string message_request(const Options& o, std::uint32_t slot, const Run& run) {
  const auto who = device(o, run);
  return head("MESSAGE", server_uri(), slot, run, 20, "sip:" + who + "@" + domain,
              "<" + server_uri() + ">") +
         tail(
             "<?xml version=\"1.0\" encoding=\"GB2312\"?>\r\n<Notify>\r\n"
             "<CmdType>Keepalive</CmdType>\r\n<SN>" +
                 std::to_string(run.index) + "</SN>\r\n<DeviceID>" + who +
                 "</DeviceID>\r\n<Status>OK</Status>\r\n</Notify>\r\n",
             "Application/MANSCDP+xml");
}

std::string session(const char* owner, const char* direction, int port) {
  return std::string("v=0\r\no=") + owner + " 0 0 IN IP4 127.0.0.1\r\ns=Play\r\n" +
         "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video " + std::to_string(port) +
         " RTP/AVP 96\r\na=" + direction + "\r\na=rtpmap:96 PS/90000\r\ny=0200000001\r\n";
}

std::string invite_request(const Options& o, std::uint32_t slot, const Run& run) {
  const auto who = device(o, run);
  const auto& c = *run.connection;
  const auto callee = std::string("sip:") + callee_id + "@" + o.host + ":" +
                      std::to_string(o.port) + (c.udp ? "" : ";transport=tcp");
  return head("INVITE", callee, slot, run, 1, "sip:" + who + "@" + domain, "<" + callee + ">") +
         contact(who, c.local_port, c.udp) +
         tail(session("34020000002000000001", "recvonly", 30000), "application/sdp");
}

}  // namespace

bool read_branch(std::string_view answer, Belongs& to) {
  constexpr std::string_view mark = "branch=z9hG4bK";
  const auto at = answer.find(mark);
  if (at == std::string_view::npos) return false;
  const std::string text(answer.substr(at + mark.size(), 24));
  return std::sscanf(text.c_str(), "%8x.%8x.%d", &to.slot, &to.index, &to.step) == 3;
}

std::string request(const Options& o, std::uint32_t slot, const Run& run, std::string_view answer) {
  const auto& c = *run.connection;
  switch (o.mode) {
    case Mode::options:
      return head("OPTIONS", "sip:" + o.host + ":" + std::to_string(o.port), slot, run, 1,
                  "sip:" + device(o, run) + "@" + domain, "<" + server_uri() + ">") +
             contact(device(o, run), c.local_port, c.udp) + "Accept: application/sdp\r\n" + tail();
    case Mode::message:
      return message_request(o, slot, run);
    case Mode::register_:
    case Mode::register_auth:
      return register_request(o, slot, run, answer);
    case Mode::invite:
      return invite_request(o, slot, run);
  }
  return {};
}

std::string in_dialog(const Options&, const char* method, std::uint32_t slot, const Run& run,
                      int cseq, std::string_view ok) {
  auto text = head(method, between_angles(header(ok, "\r\nContact:")), slot, run, cseq,
                   between_angles(header(ok, "\r\nFrom:")), std::string(header(ok, "\r\nTo:")));
  std::string routes;
  for (std::size_t from = 0;;) {
    const auto route = header(ok, "\r\nRecord-Route:", from);
    if (route.empty()) break;
    routes = "Route: " + std::string(route) + "\r\n" + routes;
    from = static_cast<std::size_t>(route.data() - ok.data());
  }
  return text + routes + tail();
}

std::string answer(const Options& o, std::string_view request, bool udp) {
  std::string text = "SIP/2.0 200 OK\r\n";
  for (auto p = request.find("\r\n") + 2; p < request.size() && request[p] != '\r';) {
    const auto end = request.find("\r\n", p) + 2;
    const auto line = request.substr(p, end - p);
    const auto is = [&](std::string_view name) {
      return line.size() >= name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
    };
    if (is("Via:") || is("Record-Route:") || is("From:") || is("Call-ID:") || is("CSeq:")) {
      text += line;
    } else if (is("To:")) {
      text += line.substr(0, line.size() - 2);
      if (line.find(";tag=") == std::string_view::npos) text += ";tag=uas1";
      text += "\r\n";
    }
    p = end;
  }
  text += contact(callee_id, o.uas_port, udp);
  if (!request.starts_with("INVITE ")) return text + tail();
  return text + tail(session(callee_id, "sendonly", 15062), "application/sdp");
}

}  // namespace load

// Server: answers of its own (RFC 3261 8.2), most of them without state: the same request gets the
// same answer again, with the same tag (8.2.7).
#include "sip/server_impl.hpp"

namespace sip {
namespace {

constexpr std::string_view allowed =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE, SUBSCRIBE";

bool needs_dialog(Method method) {
  return method == Method::bye || method == Method::info || method == Method::update ||
         method == Method::prack;
}

}  // namespace

std::string_view Server::Impl::tag_of(const MessageView& request, const Via& via) {
  auto number = KeyedHash(key).add(via.branch).add(request.call_id()).finish();
  token_text.resize(tag_prefix.size() + 16);
  auto* const digits = token_text.data() + tag_prefix.copy(token_text.data(), tag_prefix.size());
  for (std::size_t i = 0; i < 16; ++i, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  return token_text;
}

MessageBuilder Server::Impl::begin_answer(int status, Turn& turn) {
  const auto& request = *turn.message;
  count_answer(status, turn.flow.transport);
  MessageBuilder message(scratch);
  message.respond_to(request, status, {},
                     {.source = turn.flow.remote, .to_tag = tag_of(request, turn.via)});
  if (!config.server.empty()) message.header(HeaderId::server, config.server);
  return message;
}

void Server::Impl::send_answer(std::string_view bytes, Turn& turn) {
  turn.out.send(turn.flow, bytes);
}

void Server::Impl::answer(int status, Turn& turn) {
  auto message = begin_answer(status, turn);
  if (status == 405) message.header(HeaderId::allow, allowed);
  send_answer(message.finish(), turn);
}

void Server::Impl::answer_overloaded(Turn& turn) {
  ++counters.refused_overload;
  auto message = begin_answer(503, turn);
  message.header(HeaderId::retry_after, overload.retry_after(*turn.message));
  send_answer(message.finish(), turn);
}

void Server::Impl::answer_unsupported(HeaderId required, Turn& turn) {
  auto message = begin_answer(420, turn);
  for (const auto option : turn.message->values(required))
    message.header(HeaderId::unsupported, option);
  send_answer(message.finish(), turn);
}

void Server::Impl::answer_options(Turn& turn) {
  ++stats.local_answers;
  auto message = begin_answer(200, turn);
  message.header(HeaderId::allow, allowed);
  if (config.registrar) message.header(HeaderId::supported, "path");
  if (config.registrar && config.serve_reg_event) message.header(HeaderId::allow_events, reg_event);
  send_answer(message.finish(), turn);
}

void Server::Impl::answer_here(Turn& turn) {
  const auto method = turn.message->method();
  if (method == Method::options) return answer_options(turn);
  if (turn.message->has(HeaderId::require)) return answer_unsupported(HeaderId::require, turn);
  if (method == Method::message && config.accept_messages) {
    ++stats.local_answers;
    return answer_remembered(200, turn);
  }
  if (needs_dialog(method)) return answer(481, turn);
  answer(method == Method::unknown ? 501 : 405, turn);
}

void Server::Impl::answer_remembered(int status, Turn& turn) {
  if (!config.stateful_answers) return answer(status, turn);
  if (transactions.full()) return answer_overloaded(turn);
  auto message = begin_answer(status, turn);
  respond_remembered(message, status, turn);
}

// Not when the table of transactions is full.
void Server::Impl::respond_remembered(MessageBuilder& message, int status, Turn& turn) {
  const auto id = transactions.start_server(turn.transaction, *turn.message, turn.flow,
                                            {Purpose::request, {}, 0}, never, turn.now);
  transactions.respond(id, status, message.finish(), turn.now, turn.out);
}

// 8.3: where the user is, for whoever asks to try itself.
void Server::Impl::redirect(Turn& turn) {
  const auto& request = *turn.message;
  const auto done = redirector.on_request(
      request, turn.now, {.source = turn.flow.remote, .to_tag = tag_of(request, turn.via)},
      scratch);
  if (done.status < 400) ++stats.redirections;
  count_answer(done.status, turn.flow.transport);
  send_answer(done.response, turn);
}

// 10.3. A repeated one is known by its Call-ID and CSeq: it needs no transaction.
void Server::Impl::register_here(Turn& turn) {
  if (overload.sheds(*turn.message, transactions.size(), turn.now)) return answer_overloaded(turn);
  const bool expected = !config.authenticate_register || turn.message->has(HeaderId::authorization);
  if (expected) registrar.expect(*turn.message);
  const auto user = config.authenticate_register
                        ? authenticated(turn, Authenticator::Kind::registrar)
                        : std::string_view();
  if (!user) return;
  const auto time =
      wall == WallTime{}
          ? wall
          : wall + std::chrono::duration_cast<WallTime::duration>(turn.now - wall_known_at);
  const auto done = registrar.on_register({*turn.message, turn.flow, turn.now, time, *user,
                                           tag_of(*turn.message, turn.via), true, expected},
                                          scratch);
  if (done.status == 200) ++stats.registrations;
  count_answer(done.status, turn.flow.transport);
  send_answer(done.response, turn);
  if (watchers.size() > 0) on_bindings_changed(done, turn.now, turn.out);
}

// Who has sent it; empty when nobody is asked. nullopt: it has been answered.
std::optional<std::string_view> Server::Impl::authenticated(Turn& turn, Authenticator::Kind kind) {
  if (!authenticator || trusts(turn.flow)) return std::string_view();
  const auto& request = *turn.message;
  const auto verdict = authenticator->check(request, kind, turn.flow, turn.now);
  if (verdict.finding == Authenticator::Finding::accepted) return verdict.user;
  ++stats.challenges;
  const auto bytes = authenticator->refuse(
      request, kind, verdict, turn.flow, turn.now,
      {.source = turn.flow.remote, .to_tag = tag_of(request, turn.via)}, scratch);
  count_answer(kind == Authenticator::Kind::registrar ? 401 : 407, turn.flow.transport);
  send_answer(bytes, turn);
  return std::nullopt;
}

}  // namespace sip

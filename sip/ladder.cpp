#include "sip/ladder.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "sip/failure_reason.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t margin = 29;                       // the times
constexpr std::size_t lane = 25;                         // from one column to the next
constexpr Duration gives_up = std::chrono::seconds(32);  // 64*T1: timers B and F

double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

// One request and what became of it, on one hop.
struct Exchange {
  std::string name;  // "INVITE bob"
  std::string peer;
  TimePoint begun;
  std::size_t last_row = 0;  // of its request, or of any answer
  unsigned sends = 0;
  bool ours = false;  // we sent it
  bool provisional = false;
  bool had_credentials = false;
  int status = 0;  // final
};

struct Row {
  TimePoint at;
  bool sent = false;
  std::size_t column = 0;
  std::string label, note;
  std::vector<std::string> verdicts;  // below it
};

class Ladder {
 public:
  Ladder(const Trace& trace, TimePoint now, const LadderOptions& options)
      : trace_(trace), until_(std::min(now, trace.ends())), options_(options) {}

  std::string draw();

 private:
  struct Peer {
    std::string address, transport;
  };

  void read(const TracedMessage& message);
  void read(const MessageView& view, const TracedMessage& message, Row& row);
  Exchange& exchange_of(const MessageView& view, const TracedMessage& message);
  void on_request(const MessageView& view, const TracedMessage& message, Row& row);
  void on_response(const MessageView& view, const TracedMessage& message, Row& row);
  void mark_repeat(const std::string& key, Row& row);
  void judge_unanswered();
  std::size_t column_of(const Flow& flow, std::string& note);
  std::size_t call_number(std::string_view call_id);

  void draw_heading(std::string& out) const;
  void draw_columns(std::string& out) const;
  void draw_row(const Row& row, TimePoint before, std::string& out) const;
  void draw_calls(std::string& out) const;
  std::string lanes() const;
  std::size_t lane_count() const { return std::max<std::size_t>(peers_.size() + 1, 2); }
  // The first peer stands on our left, all others on our right.
  static std::size_t lane_of(std::size_t peer) { return peer == 0 ? 0 : peer + 1; }

  const Trace& trace_;
  TimePoint until_;
  LadderOptions options_;
  std::vector<Row> rows_;
  std::vector<Peer> peers_;
  std::map<std::string, std::size_t, std::less<>> columns_, call_numbers_;
  std::vector<std::string> calls_;
  std::map<std::string, Exchange> exchanges_;
  std::map<std::string, unsigned> seen_;  // how often this very message went by
  MessageView view_;
};

std::size_t Ladder::column_of(const Flow& flow, std::string& note) {
  const auto address = to_string(flow.remote);
  const auto key = fmt::format("{} {}", to_string(flow.transport), address);
  auto found = columns_.find(key);
  if (found == columns_.end()) {
    if (peers_.size() < std::max<std::size_t>(options_.peers, 1))
      peers_.push_back({address, std::string(to_string(flow.transport))});
    else
      peers_.back() = {"other peers", ""};
    found = columns_.emplace(key, peers_.size() - 1).first;
  }
  if (peers_[found->second].transport.empty()) note += key + "  ";
  return found->second;
}

std::size_t Ladder::call_number(std::string_view call_id) {
  const auto [found, is_new] = call_numbers_.try_emplace(std::string(call_id), calls_.size() + 1);
  if (is_new) calls_.emplace_back(call_id);
  return found->second;
}

void Ladder::read(const TracedMessage& message) {
  Row row{message.at, message.sent, 0, {}, {}, {}};
  row.column = column_of(message.flow, row.note);
  const auto parsed = parse_message(message.bytes, view_);
  if (parsed) {
    read(view_, message, row);
  } else if (parsed.error().code == Errc::keep_alive) {
    row.label = "keep-alive";
  } else {
    row.label = "unreadable";
    row.note += fmt::format("{} (at byte {} of {})", describe(parsed.error().code),
                            parsed.error().offset, message.bytes.size());
  }
  rows_.push_back(std::move(row));
}

void Ladder::read(const MessageView& view, const TracedMessage& message, Row& row) {
  const auto cseq = view.cseq();
  row.note += fmt::format("#{} {}", call_number(view.call_id()), cseq ? cseq->number : 0);
  if (const auto type = view.content_type(); type && !view.body().empty())
    row.note += fmt::format("  {}/{} {}", type->type, type->subtype, view.body().size());
  if (options_.describe_body && !view.body().empty()) {
    if (const auto words = options_.describe_body(view.body()); !words.empty())
      row.note += fmt::format(" ({})", words);
  }
  view.is_request() ? on_request(view, message, row) : on_response(view, message, row);
}

// A transaction on one hop: the same branch, CSeq and peer. ACK is none.
Exchange& Ladder::exchange_of(const MessageView& view, const TracedMessage& message) {
  const auto cseq = view.cseq();
  const auto via = view.via();
  const bool ours = message.sent == view.is_request();
  return exchanges_[fmt::format("{}|{}|{}|{}|{}|{}", ours, to_string(message.flow.remote),
                                via ? via->branch : std::string_view(), view.call_id(),
                                cseq ? cseq->number : 0,
                                cseq ? cseq->method_text : std::string_view())];
}

std::string subject_of(const MessageView& view) {
  const auto uri = view.request_uri();
  std::string_view user = uri ? uri->user : std::string_view();
  const auto to = view.to();
  if (user.empty() && to) user = to->uri.user;
  return user.empty() ? std::string(view.method_text())
                      : fmt::format("{} {}", view.method_text(), user);
}

// The times that one message comes again, told from its neighbours by all that names it.
void Ladder::mark_repeat(const std::string& key, Row& row) {
  const auto times = ++seen_[key];
  if (times > 1) row.note += fmt::format("  AGAIN, {} times now", times);
}

std::string identity(const MessageView& view, const TracedMessage& message) {
  const auto via = view.via();
  const auto cseq = view.cseq();
  return fmt::format("{}|{}|{}|{}|{}|{}", message.sent, to_string(message.flow.remote),
                     view.is_request() ? view.method_text() : std::to_string(view.status()),
                     via ? via->branch : std::string_view(), view.call_id(),
                     cseq ? cseq->number : 0);
}

void Ladder::on_request(const MessageView& view, const TracedMessage& message, Row& row) {
  row.label = subject_of(view);
  mark_repeat(identity(view, message), row);
  if (view.method() == Method::ack) return;
  auto& exchange = exchange_of(view, message);
  if (exchange.sends++ == 0) {
    exchange.name = row.label;
    exchange.peer = to_string(message.flow.remote);
    exchange.begun = message.at;
    exchange.ours = message.sent;
    exchange.had_credentials =
        view.has(HeaderId::authorization) || view.has(HeaderId::proxy_authorization);
  }
  exchange.last_row = rows_.size();
}

void Ladder::on_response(const MessageView& view, const TracedMessage& message, Row& row) {
  row.label = fmt::format("{} {}", view.status(), view.reason());
  // Provisional answers differ by more than their status (RSeq): a repeat is the same bytes.
  mark_repeat(
      identity(view, message) + (view.status() < 200 ? std::string(view.bytes()) : std::string()),
      row);
  auto& exchange = exchange_of(view, message);
  if (exchange.sends == 0) return;  // its request went by before the trace began
  exchange.last_row = rows_.size();
  if (view.status() < 200) {
    exchange.provisional = true;
    return;
  }
  if (exchange.status == 0 && view.status() >= 300)
    row.verdicts.push_back(fmt::format(
        "{} {} after {:.3f} s: {}", exchange.name,
        view.status() == 401 || view.status() == 407 ? "challenged" : "failed",
        seconds(message.at - exchange.begun), failure_reason(view, exchange.had_credentials)));
  exchange.status = view.status();
}

std::string unanswered(const Exchange& e, TimePoint until) {
  const auto waited = until - e.begun;
  const auto what = fmt::format("{} has no final answer after {:.1f} s, sent {} time{}", e.name,
                                seconds(waited), e.sends, e.sends == 1 ? "" : "s");
  if (waited < gives_up) return what + " (so far)";
  if (!e.ours) return what + ": we did not answer it";
  if (e.provisional) return what + fmt::format(": {} is at it and does not decide", e.peer);
  return what + fmt::format(": {} does not hear us, or its answers do not reach us", e.peer);
}

void Ladder::judge_unanswered() {
  for (const auto& [key, exchange] : exchanges_)
    if (exchange.sends > 0 && exchange.status == 0)
      rows_[exchange.last_row].verdicts.push_back(unanswered(exchange, until_));
}

// ---- drawing ----

std::string Ladder::lanes() const {
  std::string line(margin + (lane_count() - 1) * lane + 1, ' ');
  for (std::size_t i = 0; i < lane_count(); ++i) line[margin + i * lane] = '|';
  return line;
}

void write_at(std::string& line, std::size_t centre, std::string_view text) {
  const auto begin = centre > text.size() / 2 ? centre - text.size() / 2 : 0;
  if (line.size() < begin + text.size()) line.resize(begin + text.size(), ' ');
  line.replace(begin, text.size(), text);
}

void Ladder::draw_columns(std::string& out) const {
  std::string names, transports;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    write_at(names, margin + lane_of(i) * lane, peers_[i].address);
    write_at(transports, margin + lane_of(i) * lane, peers_[i].transport);
  }
  write_at(names, margin + lane, "this server");
  out += fmt::format("{}\n{}\n{}\n", names, transports, lanes());
}

void Ladder::draw_heading(std::string& out) const {
  const auto begun = trace_.wall(trace_.started());
  const auto since = begun.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  out += fmt::format("{}, {:03} ms: trace begun, {} messages", rfc1123_date(begun), ms,
                     trace_.messages().size());
  if (trace_.dropped() > 0)
    out += fmt::format(", {} older ones dropped for want of room", trace_.dropped());
  out += "\n\n";
}

// A label that fits between the arrow's ends, with its surplus cut.
std::string arrow(bool to_right, std::size_t length, std::string_view label) {
  label = label.substr(0, length - 4);
  std::string line(length, '-');
  line.replace((length - label.size()) / 2, label.size(), label);
  (to_right ? line.back() : line.front()) = to_right ? '>' : '<';
  return line;
}

void Ladder::draw_row(const Row& row, TimePoint before, std::string& out) const {
  auto line = lanes();
  auto time = fmt::format("{:11.6f}", seconds(row.at - rows_.front().at));
  if (&row != &rows_.front()) time += fmt::format(" {:>+13.6f}", seconds(row.at - before));
  line.replace(0, time.size(), time);
  const auto peer = lane_of(row.column);
  const auto left = std::min<std::size_t>(peer, 1), right = std::max<std::size_t>(peer, 1);
  const bool to_right = row.sent == (peer > 1);
  const auto length = (right - left) * lane - 1;
  line.replace(margin + left * lane + 1, length, arrow(to_right, length, row.label));
  out += fmt::format("{}  {}\n", line, row.note);
  for (const auto& verdict : row.verdicts) out += fmt::format("{}  !! {}\n", lanes(), verdict);
}

void Ladder::draw_calls(std::string& out) const {
  out += "\nCall-IDs:\n";
  for (std::size_t i = 0; i < calls_.size(); ++i)
    out += fmt::format("  #{} {}\n", i + 1, calls_[i]);
}

// Control characters of junk must not reach a terminal.
void make_printable(std::string& text) {
  for (char& c : text)
    if (c != '\n' && (static_cast<unsigned char>(c) < 0x20 || c == '\x7f')) c = '.';
}

std::string Ladder::draw() {
  for (const auto& message : trace_.messages()) read(message);
  judge_unanswered();
  std::string out;
  draw_heading(out);
  if (rows_.empty()) return out;
  draw_columns(out);
  auto before = rows_.front().at;
  for (const auto& row : rows_) {
    draw_row(row, before, out);
    before = row.at;
  }
  draw_calls(out);
  make_printable(out);
  return out;
}

}  // namespace

std::string ladder(const Trace& trace, TimePoint now, const LadderOptions& options) {
  return Ladder(trace, now, options).draw();
}

}  // namespace sip

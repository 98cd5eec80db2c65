// One client's talk on one connection: takes requests in order, yields answers and what is to be
// done about the sessions. Pure: opening a source, which may take seconds, is asked of the shell.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/rtsp/authenticator.hpp"
#include "gateway/rtsp/message.hpp"
#include "gateway/rtsp/play_policy.hpp"
#include "gateway/rtsp/session.hpp"

namespace gateway {
struct OpenResult;
}

namespace gateway::rtsp {

// What all dialogues of a server share; outlives them.
struct DialogueContext {
  SessionTable& sessions;
  Authenticator* authenticator = nullptr;  // nullptr: everybody may watch
  TransportPolicy transports;
  // Server ports {RTP, RTCP} by track; tracks beyond the last use them again. Empty: no UDP.
  std::vector<std::pair<std::uint16_t, std::uint16_t>> udp_ports;
  std::size_t sessions_per_connection = 8;
  std::size_t viewers_per_stream = 500;
  std::size_t wrong_passwords = 8;                      // then the connection is closed
  Duration describe_linger = std::chrono::seconds(15);  // a DESCRIBE without SETUP holds the source
  PlayTimes play_times{};
};

class Dialogue {
 public:
  // What to do, in this order: stop sending for `stop`, send the response, start `start`, close.
  struct Reply {
    // The source must be opened first: nothing else is set; call on_opened() with the result.
    bool open = false;
    std::string open_path, open_query;

    Response response;
    std::string cseq;
    std::shared_ptr<Session> stop;  // paused, or ended when `ended`: then it is out of the table
    bool ended = false;             // and a BYE is due
    std::shared_ptr<Session> start;
    PlayStart start_from;
    bool close = false;
  };

  // `authenticate`: this peer is not trusted without a password.
  // `wrong_passwords`: that it has tried so far.
  Dialogue(DialogueContext& context, std::uint64_t connection, bool authenticate,
           std::size_t wrong_passwords = 0)
      : context_(context),
        connection_(connection),
        authenticate_(authenticate),
        wrong_passwords_(wrong_passwords) {}

  Reply on_request(const Request& request, TimePoint now);
  // Goes on with the request whose reply said `open`.
  Reply on_opened(const Request& request, const OpenResult& opened, TimePoint now);
  // For a message that was refused by the framer or the parser.
  Reply on_refused(std::string_view head, Refusal refusal) const;
  // Bytes that the client sent on an interleaved channel: a sign of life of its session.
  void on_interleaved(std::uint8_t channel, TimePoint now);
  // The connection ends: no source is held any more. Sessions have holds of their own.
  void let_go() { hold_.reset(); }
  // Lets go of a source that was described but not set up.
  void on_tick(TimePoint now);
  std::size_t wrong_passwords() const { return wrong_passwords_; }

 private:
  // Without a value: what was asked can go on.
  std::optional<Response> check(const Request& request, TimePoint now, bool& close);
  std::optional<Response> authorize(const Request& request, TimePoint now, bool& close);
  std::optional<Response> find_session(const Request& request, std::shared_ptr<Session>& session);
  void dispatch(const Request& request, TimePoint now, Reply& reply);
  void describe(const Request& request, TimePoint now, Reply& reply);
  void set_up(const Request& request, TimePoint now, Reply& reply);
  void set_up_opened(const Request& request, TimePoint now, Reply& reply);
  void set_up_satip(Transport transport, TimePoint now, Reply& reply);
  void set_up_track(std::size_t track, Transport transport, TimePoint now, Reply& reply);
  void play(const Request& request, TimePoint now, Reply& reply);
  PlayStart plan_start(const Session& session, TimePoint now) const;
  void pause(Reply& reply);
  void parameter(const Request& request, Reply& reply) const;
  void teardown(Reply& reply);
  void options(Reply& reply) const;
  // An answer when the URL does not fit the session: 404, 460.
  std::optional<Response> check_aggregate(bool one_track_is_enough) const;
  void add_server_ports(std::size_t track, Transport& transport) const;
  void choose_channels(std::size_t track, Transport& transport) const;
  bool channel_taken(std::uint8_t channel, std::size_t track) const;
  // Sets what it promises.
  std::string rtp_info(const Session& session, PlayStart& start) const;
  bool is_described(const Target& target) const;

  DialogueContext& context_;
  std::uint64_t connection_;
  bool authenticate_;
  std::size_t wrong_passwords_;
  // Of the request in hand.
  Target target_;
  std::shared_ptr<Session> session_;
  // The last presentation that was opened here, and whether by DESCRIBE.
  std::optional<Target> opened_;
  std::shared_ptr<StreamHold> hold_;
  bool described_ = false;
  std::uint32_t described_layout_ = 0;  // of the stream then
  TimePoint opened_at_{};
};

}  // namespace gateway::rtsp

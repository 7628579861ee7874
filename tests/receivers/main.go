// What others would receive exported entries with: the official libraries of CloudEvents and Standard Webhooks, and
// stripe-mock behind a memory of identifiers, which the mock itself lacks. What was accepted is appended to a file, a
// JSON line each, so that it outlives this program.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type accepted struct {
	Via  string          `json:"via"`
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

type receiver struct {
	token   string
	webhook *standardwebhooks.Webhook
	stripe  string

	sync.Mutex
	file        *os.File
	identifiers map[string]bool
}

func main() {
	listen := flag.String("listen", "", "address")
	path := flag.String("log", "", "file of what was accepted")
	stripe := flag.String("stripe", "", "origin of stripe-mock")
	flag.Parse()
	webhook, err := standardwebhooks.NewWebhook(os.Getenv("RECEIVERS_WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.OpenFile(*path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	r := &receiver{
		token: os.Getenv("RECEIVERS_TOKEN"), webhook: webhook, stripe: *stripe, file: file,
		identifiers: map[string]bool{},
	}
	if err := r.remember(); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /cloudevents", r.cloudEvents)
	http.HandleFunc("POST /webhook", r.standardWebhook)
	http.HandleFunc("POST /v1/billing/meter_events", r.meterEvent)
	http.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(*listen, nil))
}

// remember reads which identifiers an earlier process has accepted.
func (r *receiver) remember() error {
	lines := json.NewDecoder(r.file)
	for {
		var line accepted
		switch err := lines.Decode(&line); err {
		case nil:
			if line.Via == "stripe" {
				r.identifiers[line.ID] = true
			}
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

func (r *receiver) accept(lines ...accepted) {
	var text bytes.Buffer
	for _, line := range lines {
		if err := json.NewEncoder(&text).Encode(line); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := r.file.Write(text.Bytes()); err != nil {
		log.Fatal(err)
	}
}

func refuse(w http.ResponseWriter, status int, why any) {
	log.Printf("%d: %v", status, why)
	http.Error(w, fmt.Sprint(why), status)
}

func (r *receiver) cloudEvents(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get("Authorization") != "Bearer "+r.token {
		refuse(w, http.StatusUnauthorized, "no such token")
		return
	}
	var events []event.Event
	var err error
	if cehttp.IsHTTPBatch(request.Header) {
		events, err = cehttp.NewEventsFromHTTPRequest(request)
	} else {
		var one *event.Event
		if one, err = cehttp.NewEventFromHTTPRequest(request); err == nil {
			events = []event.Event{*one}
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	var lines []accepted
	for _, e := range events {
		var data struct {
			Account string `json:"account"`
		}
		if err := e.Validate(); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		if err := e.DataAs(&data); err != nil || e.Subject() != data.Account || e.Time().IsZero() {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("subject, time or data: %v: %v", err, e))
			return
		}
		lines = append(lines, accepted{Via: "cloudevents", ID: e.ID(), Type: e.Type(), Data: e.Data()})
	}
	r.Lock()
	defer r.Unlock()
	r.accept(lines...)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) standardWebhook(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = r.webhook.Verify(body, request.Header)
	}
	var message struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(body, &message)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	r.Lock()
	defer r.Unlock()
	r.accept(accepted{Via: "webhook", ID: request.Header.Get("webhook-id"), Type: message.Type, Data: message.Data})
	w.WriteHeader(http.StatusNoContent)
}

// meterEvent has stripe-mock judge the request, and refuses an identifier that it has accepted, in Stripe's words.
func (r *receiver) meterEvent(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	judged, err := http.NewRequest(http.MethodPost, r.stripe+request.URL.Path, bytes.NewReader(body))
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	judged.Header = request.Header.Clone()
	answer, err := http.DefaultClient.Do(judged)
	if err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		refuse(w, answer.StatusCode, string(said))
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	id := form.Get("identifier")
	r.Lock()
	defer r.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.identifiers[id] {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":{"message":"An event already exists with identifier %s.","type":"invalid_request_error"}}`, id)
		return
	}
	r.identifiers[id] = true
	data, err := json.Marshal(map[string]string{
		"account": form.Get("payload[stripe_customer_id]"), "value": form.Get("payload[value]"),
	})
	if err != nil {
		log.Fatal(err)
	}
	r.accept(accepted{Via: "stripe", ID: id, Type: form.Get("event_name"), Data: data})
	w.Write(said)
}

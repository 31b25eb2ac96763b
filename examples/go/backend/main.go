// The two addresses that an app's backend needs, in Go 1.19 or newer, without packages.
//
//	RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... PORT=3000 go run ./backend
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"regexp"
	"time"
)

var (
	receiverURL = setting("RECEIVER_URL", "http://127.0.0.1:8080")
	receiverKey = os.Getenv("RECEIVER_KEY")
	isTicket    = regexp.MustCompile(`^vt_[0-9A-Za-z]{26}$`)
	client      = http.Client{Timeout: 40 * time.Second} // longer than the longest wait below
)

// A fault that the device may be told.
type refused struct {
	status  int
	message string
}

func (r refused) Error() string { return r.message }

// Yours: the user of your own session. Whatever the request's body says of the user is not to be believed.
func signedIn(request *http.Request) (string, error) {
	if user := request.Header.Get("X-Demo-User"); user != "" {
		return user, nil
	}
	return "", refused{http.StatusUnauthorized, "sign in first"}
}

func receiver(method, path string, body, told any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, receiverURL+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+receiverKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return json.Unmarshal(text, told)
	case http.StatusConflict:
		return refused{http.StatusConflict, "the ticket is not yours"}
	case http.StatusNotFound:
		return refused{http.StatusNotFound, "there is no such ticket"}
	default: // for your log, not for the device
		return fmt.Errorf("vod-receiver: %d %s", answer.StatusCode, text)
	}
}

// A fresh signature for each call of getSignature; with the ticket of the call before, for the same file.
func uploadSignature(user string, request *http.Request) (any, error) {
	var asked struct {
		Ticket *string `json:"ticket"`
	}
	if err := json.NewDecoder(io.LimitReader(request.Body, 4096)).Decode(&asked); err != nil {
		return nil, refused{http.StatusBadRequest, "that is not JSON"}
	}
	var issued struct {
		Signature string `json:"signature"`
		Ticket    string `json:"ticket"`
	}
	err := receiver(http.MethodPost, "/v1/signatures", map[string]any{
		"user_id": user, "ticket": asked.Ticket, "expires_in": 600, "one_time": true,
	}, &issued)
	return issued, err
}

// Answers as soon as VOD has told of the upload, and after 30 s without one; then the page asks again.
func myUpload(user string, request *http.Request) (any, error) {
	ticket := request.URL.Query().Get("ticket")
	if !isTicket.MatchString(ticket) {
		return nil, refused{http.StatusBadRequest, "that is no ticket"}
	}
	type upload struct {
		FileID   string  `json:"file_id"` // text: it exceeds what a JSON number keeps
		Name     *string `json:"name"`
		MediaURL *string `json:"media_url"`
	}
	var told struct {
		UserID  string   `json:"user_id"`
		Uploads []upload `json:"uploads"`
	}
	if err := receiver(http.MethodGet, "/v1/tickets/"+ticket+"?wait=30", nil, &told); err != nil {
		return nil, err
	}
	if told.UserID != user {
		return nil, refused{http.StatusNotFound, "there is no such ticket"}
	}
	return map[string]any{"uploads": told.Uploads}, nil
}

func serve(method string, tell func(string, *http.Request) (any, error)) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		status := http.StatusOK
		user, err := signedIn(request)
		var told any
		if request.Method != method {
			err = refused{http.StatusMethodNotAllowed, "only " + method}
		}
		if err == nil {
			told, err = tell(user, request)
		}
		if known := (refused{}); errors.As(err, &known) {
			status, told = known.status, map[string]string{"error": known.message}
		} else if err != nil {
			log.Print(err)
			status, told = http.StatusServiceUnavailable, map[string]string{"error": "please try again"}
		}
		response.Header().Set("Content-Type", "application/json")
		response.Header().Set("Cache-Control", "no-store")
		response.WriteHeader(status)
		_ = json.NewEncoder(response).Encode(told)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	http.HandleFunc("/upload-signature", serve(http.MethodPost, uploadSignature))
	http.HandleFunc("/my-upload", serve(http.MethodGet, myUpload))
	server := http.Server{Addr: "127.0.0.1:" + setting("PORT", "3000"), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

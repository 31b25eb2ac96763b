// Follows what happens to uploads, in Go 1.19 or newer, without packages.
//
//	RECEIVER_KEY=... go run ./follow live        one connection, told at once
//	RECEIVER_KEY=... go run ./follow changes     asks for what is new, and waits for it
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

var (
	receiverURL = setting("RECEIVER_URL", "http://127.0.0.1:8080")
	receiverKey = os.Getenv("RECEIVER_KEY")
	cursorFile  = setting("CURSOR_FILE", "cursor")
	errGone     = errors.New("the cursor is too old")
)

type upload struct {
	FileID string  `json:"file_id"`
	UserID *string `json:"user_id"`
}

type change struct {
	Cursor string  `json:"cursor"`
	Event  string  `json:"event"`
	Upload *upload `json:"upload"`
}

// Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor.
func handle(event string, upload upload) error {
	user := "-"
	if upload.UserID != nil {
		user = *upload.UserID
	}
	_, err := fmt.Println(event, upload.FileID, user)
	return err
}

func save(cursor string) error {
	if err := os.WriteFile(cursorFile+".new", []byte(cursor), 0o600); err != nil {
		return err
	}
	return os.Rename(cursorFile+".new", cursorFile)
}

func ask(ctx context.Context, path string, query url.Values, cursor string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, receiverURL+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+receiverKey)
	if cursor != "" {
		request.Header.Set("Last-Event-ID", cursor)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusGone {
		return nil, errGone
	}
	text, _ := io.ReadAll(answer.Body)
	return nil, fmt.Errorf("vod-receiver: %d %s", answer.StatusCode, text)
}

func askJSON(path string, query url.Values, told any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 70*time.Second)
	defer cancel()
	answer, err := ask(ctx, path, query, "")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(told)
}

// The first time, and when a cursor is too old: first where the feed is now, then all that is there.
func begin() error {
	var now struct {
		NextCursor string `json:"next_cursor"`
	}
	if err := askJSON("/v1/uploads/changes", nil, &now); err != nil {
		return err
	}
	query := url.Values{"order": {"asc"}, "limit": {"200"}}
	for {
		var page struct {
			Items      []upload `json:"items"`
			NextCursor *string  `json:"next_cursor"`
		}
		if err := askJSON("/v1/uploads", query, &page); err != nil {
			return err
		}
		for _, upload := range page.Items {
			if err := handle("upload.read", upload); err != nil {
				return err
			}
		}
		if page.NextCursor == nil {
			return save(now.NextCursor)
		}
		query.Set("cursor", *page.NextCursor)
	}
}

func tell(change change) error {
	if change.Upload != nil {
		if err := handle(change.Event, *change.Upload); err != nil {
			return err
		}
	}
	return save(change.Cursor)
}

// Server-Sent Events: lines, and an empty one after each event.
func live(cursor string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// A stream says something every 15 s; what is silent for longer is dead.
	silent := time.AfterFunc(60*time.Second, cancel)
	defer silent.Stop()
	answer, err := ask(ctx, "/v1/uploads/live", nil, cursor)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var event, data string
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		silent.Reset(60 * time.Second)
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "event: "):
			event = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case line == "":
			if err := told(event, data); err != nil {
				return err
			}
			event, data = "", ""
		}
	}
}

func told(event, data string) error {
	if event == "end" && strings.Contains(data, `"gone"`) {
		return errGone
	}
	if !strings.HasPrefix(event, "upload.") {
		return nil
	}
	var told change
	if err := json.Unmarshal([]byte(data), &told); err != nil {
		return err
	}
	return tell(told)
}

func changes(cursor string) error {
	var page struct {
		Items      []change `json:"items"`
		NextCursor string   `json:"next_cursor"`
	}
	query := url.Values{"after": {cursor}, "wait": {"30"}, "limit": {"200"}}
	if err := askJSON("/v1/uploads/changes", query, &page); err != nil {
		return err
	}
	for _, change := range page.Items {
		if err := tell(change); err != nil {
			return err
		}
	}
	return save(page.NextCursor)
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	if len(os.Args) != 2 || os.Args[1] != "live" && os.Args[1] != "changes" {
		log.Fatal("follow live|changes")
	}
	follow := map[string]func(string) error{"live": live, "changes": changes}[os.Args[1]]
	for {
		cursor, err := os.ReadFile(cursorFile)
		if errors.Is(err, os.ErrNotExist) {
			err = begin()
		} else if err == nil {
			err = follow(string(cursor))
		}
		if errors.Is(err, errGone) {
			err = os.Remove(cursorFile)
		}
		if err != nil {
			log.Print(err)
			time.Sleep(time.Second)
		}
	}
}

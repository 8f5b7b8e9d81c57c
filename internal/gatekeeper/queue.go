package gatekeeper

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// queue keeps requests on disk: what was added is there after a kill or a power
// cut. Requests that are done stay for a while, so that the same webhook, sent
// again by anybody, changes nothing.
type queue struct{ db *bolt.DB }

var (
	openRequests = []byte("open")
	doneRequests = []byte("done")
)

// kept is how long a done request is remembered; a webhook is refused for its age
// long before.
const kept = 7 * 24 * time.Hour

func openQueue(file string) (*queue, error) {
	// Two servers on one file would decide everything twice.
	db, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: 5 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("open the queue %s: %w", file, err)
	}
	db.MaxBatchDelay = 5 * time.Millisecond // webhooks that come together share one write to the disk
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(openRequests)
		_, err2 := tx.CreateBucketIfNotExists(doneRequests)
		return errors.Join(err, err2)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the queue %s: %w", file, err), db.Close())
	}
	return &queue{db: db}, nil
}

func key(deployment int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(deployment)) }

// add keeps a request, and reports whether it is a new one.
func (q *queue) add(r *Request) (added bool, err error) {
	data, err := json.Marshal(r)
	if err != nil {
		return false, err
	}
	err = q.db.Batch(func(tx *bolt.Tx) error {
		added = tx.Bucket(openRequests).Get(key(r.Deployment)) == nil && tx.Bucket(doneRequests).Get(key(r.Deployment)) == nil
		if !added {
			return nil
		}
		return tx.Bucket(openRequests).Put(key(r.Deployment), data)
	})
	return added, err
}

// get reads a request that is open, nil if it is not.
func (q *queue) get(deployment int64) (r *Request, err error) {
	err = q.db.View(func(tx *bolt.Tx) error {
		data := tx.Bucket(openRequests).Get(key(deployment))
		if data == nil {
			return nil
		}
		r = new(Request)
		return json.Unmarshal(data, r)
	})
	return r, err
}

// put changes a request that is open.
func (q *queue) put(r *Request) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return q.db.Batch(func(tx *bolt.Tx) error { return tx.Bucket(openRequests).Put(key(r.Deployment), data) })
}

// done moves a request to those that are remembered.
func (q *queue) done(r *Request) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return q.db.Batch(func(tx *bolt.Tx) error {
		return errors.Join(tx.Bucket(openRequests).Delete(key(r.Deployment)), tx.Bucket(doneRequests).Put(key(r.Deployment), data))
	})
}

// open lists the requests that are not done.
func (q *queue) open() (out []*Request, err error) {
	err = q.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(openRequests).ForEach(func(_, data []byte) error {
			r := new(Request)
			out = append(out, r)
			return json.Unmarshal(data, r)
		})
	})
	return out, err
}

// forget drops requests that were taken long ago.
func (q *queue) forget(now time.Time) error {
	return q.db.Update(func(tx *bolt.Tx) error {
		var old [][]byte
		err := tx.Bucket(doneRequests).ForEach(func(k, data []byte) error {
			var r Request
			if err := json.Unmarshal(data, &r); err != nil || now.Sub(r.Received) > kept {
				old = append(old, append([]byte{}, k...))
			}
			return nil
		})
		for _, k := range old {
			err = errors.Join(err, tx.Bucket(doneRequests).Delete(k))
		}
		return err
	})
}

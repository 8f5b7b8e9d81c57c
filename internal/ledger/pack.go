package ledger

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// largestRecord leaves room below the API server's limit of 1 MiB of data in a ConfigMap.
const largestRecord = 900 << 10

// A record is one object, since it must be written entirely or not at all: what is
// too large for one is compressed, and what is still too large loses the middle
// of its longest texts. All of it is in the copy that the run keeps.
var longestTexts = []int{64 << 10, 8 << 10, 1 << 10}

// pack puts a record into the object that holds it.
func pack(record *Record, into *corev1.ConfigMap) error {
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	if len(data) <= largestRecord {
		into.Data = map[string]string{recordKey: string(data)}
		return nil
	}
	for _, longest := range longestTexts {
		packed, err := shortened(data, longest)
		if err != nil {
			return err
		}
		if len(packed) <= largestRecord {
			into.BinaryData = map[string][]byte{packedKey: packed}
			return nil
		}
	}
	return fmt.Errorf("record release %d: %d bytes are more than an object of the cluster can hold", record.Number, len(data))
}

// shortened is a record, compressed, without the middle of texts that are longer.
func shortened(data []byte, longest int) ([]byte, error) {
	var whole any
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, err
	}
	short, err := json.Marshal(eachText(whole, func(text string) string { return clip(text, longest) }))
	if err != nil {
		return nil, err
	}
	return compress(short)
}

func eachText(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = eachText(v[i], change)
		}
	case map[string]any:
		for key := range v {
			v[key] = eachText(v[key], change)
		}
	}
	return value
}

// clip leaves out the middle of a text: what failed stands at its beginning, and
// why often at its end.
func clip(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	left := fmt.Sprintf("\n… %d bytes are left out …\n", len(text)-longest)
	return strings.ToValidUTF8(text[:longest/2], "") + left + strings.ToValidUTF8(text[len(text)-longest/2:], "")
}

// unpack is the reverse of pack.
func unpack(stored *corev1.ConfigMap) ([]byte, error) {
	if packed, ok := stored.BinaryData[packedKey]; ok {
		return join([][]byte{packed})
	}
	return []byte(stored.Data[recordKey]), nil
}

import type { LessonText } from '../outline'

export const portuguese: LessonText = {
  title: 'Uma rede recorrente em poucas linhas',
  lead: [
    'Escrever uma rede recorrente do zero mostra como ela funciona, mas o código não fica nem curto nem rápido. Nesta lição montamos o mesmo modelo de linguagem em nível de caractere com camadas prontas, treinamos o modelo e depois o comparamos com o que foi feito do zero.',
    'Cada célula é TypeScript e roda aqui, no seu navegador. Rode as células de cima para baixo, mude o que quiser e rode de novo. A lição reconta, com palavras próprias, a seção [*Implementação Concisa de Redes Neurais Recorrentes*](https://pt.d2l.ai/chapter_recurrent-neural-networks/rnn-concise.html) do livro *Dive into Deep Learning*.',
  ],
  sections: {
    data: { title: 'Carregar os dados' },
    layer: {
      title: 'A camada recorrente',
      begins: [
        'Uma camada recorrente lê uma sequência passo a passo. A cada passo de tempo ela mistura a entrada atual com o seu próprio estado oculto do passo anterior: h′ = tanh(W_ih x + b_ih + W_hh h + b_hh). Os mesmos pesos servem a todos os passos de tempo.',
      ],
      ends: [
        'Repare no que *não* aconteceu. A saída da camada é o seu estado oculto; nenhuma pontuação de caractere foi calculada ainda. Isso cabe a uma camada de saída, que vem a seguir.',
      ],
    },
    model: { title: 'O modelo' },
    prediction: { title: 'Previsão com pesos aleatórios' },
    training: {
      title: 'Treinamento',
      ends: [
        'Depois de 50 épocas aparecem letras comuns e palavras curtas. Depois de 500, como no livro, a perplexidade fica em torno de 1,3 e o modelo recita o texto que decorou.',
      ],
    },
    scratch: {
      title: 'O mesmo, do zero',
      begins: [
        'Quanto as peças prontas nos poupam? As células seguintes constroem o mesmo modelo só com tensores. Elas são um programa à parte e não compartilham variáveis com as células de cima.',
      ],
    },
    comparison: {
      title: 'Comparação',
      begins: [
        'As duas versões calculam a mesma coisa e por isso aprendem igualmente bem: depois de 500 épocas o livro relata perplexidade 1,3 com a camada e 1,2 na versão do zero, e aqui também são 1,3 e 1,2.',
        'Elas diferem no tamanho e na velocidade. O programa conciso, com o gráfico e tudo o que imprime, tem um terço do tamanho.',
      ],
      ends: [
        'A camada é várias vezes mais rápida, porque percorre todos os passos de tempo em uma única operação, para a frente e para trás, em WebAssembly e com várias threads, enquanto a versão do zero cria centenas de pequenos tensores a cada passo do treinamento. As duas curvas não são iguais, porque a camada começa com outros pesos aleatórios, mas levam ao mesmo lugar.',
      ],
    },
    summary: {
      title: 'Resumo',
      begins: [
        [
          'A camada recorrente de uma biblioteca substitui o laço sobre o tempo que, sem ela, nós mesmos escreveríamos.',
          'A camada devolve duas coisas: os estados ocultos de todos os passos de tempo, que uma camada de saída transforma em pontuações, e o estado do último passo, com o qual o próximo minibatch pode começar.',
          'A versão de alto nível é mais curta e treina mais depressa que a versão do zero, e aprende igualmente bem.',
        ],
      ],
    },
    exercises: {
      title: 'Exercícios',
      begins: [
        'Pense em cada pergunta antes de rodar as células. Cada exercício é um programa à parte; os treinamentos são curtos, para que o resultado apareça em um ou dois minutos. Com mais épocas os efeitos ficam mais claros.',
      ],
    },
    overfit: {
      title: '1. É possível fazer a rede sobreajustar?',
      begins: [
        'Um modelo sobreajusta quando continua melhorando no texto em que é treinado, enquanto piora em um texto que nunca viu.',
      ],
      ends: [
        'É possível: a perplexidade de treinamento cai em direção a 1, enquanto a do texto separado atinge cedo o seu menor valor e depois sobe muito acima dele. O que ajudaria, além de parar antes? Mais texto, um modelo menor ou dropout.',
      ],
    },
    layers: {
      title: '2. O que acontece com mais camadas ocultas?',
      begins: [
        'Com `numLayers` as camadas são empilhadas: cada uma lê os estados ocultos da camada de baixo. Uma rede mais profunda aprende melhor?',
      ],
      ends: [
        'Com pesos iniciais pequenos o sinal encolhe de camada em camada, e o gradiente também, no caminho de volta: quanto mais alta a pilha, mais demora até que algo seja aprendido. Com pesos uniformes entre ±1/√256, as pilhas altas treinam, mas com tão pouco texto não ganham nada em relação a uma só camada.',
      ],
    },
    sine: {
      title: '3. Um modelo autorregressivo com uma rede recorrente',
      begins: [
        'A seção sobre sequências prevê uma senoide com ruído a partir dos seus últimos quatro valores, com uma rede comum. Aqui quem faz isso é uma rede recorrente, a partir de janelas de 32 valores.',
      ],
      ends: [
        'Um passo à frente, o erro fica perto do erro do ruído, que ninguém consegue prever. Mais adiante a rede precisa se apoiar nas próprias previsões, e os erros se acumulam.',
      ],
    },
  },
  cells: {
    load: [
      'Treinamos com *A Máquina do Tempo* (*The Time Machine*), de H. G. Wells. Tudo o que não é letra vira espaço, e as maiúsculas viram minúsculas. O *vocabulário* numera os 28 tokens que restam: 26 letras, o espaço e `<unk>`, para tudo o que é desconhecido.',
      'Os primeiros 10.000 caracteres formam minibatches de 32 sequências com 35 passos de tempo cada. O rótulo de um caractere é o caractere seguinte. Com o particionamento sequencial, que é o padrão, cada sequência de um minibatch continua no minibatch seguinte, e assim o estado oculto pode ser levado adiante.',
      'Onde o texto do livro não é encontrado, *Moby Dick* toma o seu lugar. A célula diz qual texto ela tem, e os seus números serão um pouco diferentes.',
    ],
    layer: [
      'Nossa camada tem 256 unidades ocultas. As entradas são caracteres em codificação one-hot: cada uma tem tantos números quantos são os tokens do vocabulário.',
    ],
    state: [
      'Antes do primeiro passo de tempo não há passado: o estado começa com zeros. A sua forma é [camadas ocultas, tamanho do minibatch, unidades ocultas]. O estado de uma LSTM tem dois tensores assim, `h` e `c`.',
    ],
    forward: [
      'Agora passamos números aleatórios pela camada, na forma de um minibatch com o tempo em primeiro lugar. `Y` contém o estado oculto de *cada* passo de tempo; `newState` contém o estado depois do *último*, e nele o próximo minibatch poderia começar.',
    ],
    model: [
      'Um modelo completo precisa de mais duas peças: a codificação one-hot na frente e, atrás da camada, uma camada de saída linear, que transforma cada estado oculto em uma pontuação por token do vocabulário. Aqui estão elas, em uma classe.',
      'Cuidado com a ordem. Os tokens chegam como [minibatch, passos de tempo] e são transpostos, para que o tempo venha primeiro. Por isso as linhas da saída estão nessa ordem, e os rótulos precisam ser transpostos antes da comparação. Quem se esquece disso obtém um modelo que só escreve espaços.',
    ],
    same: [
      'A biblioteca já tem essa classe, com o nome `RNNModel`. Com os mesmos parâmetros, as duas calculam as mesmas pontuações.',
    ],
    random: [
      'Antes de treinar, vejamos o que o modelo escreve. `predict` primeiro lhe dá o começo de um texto e ignora as previsões; esse *período de aquecimento* leva o estado oculto para onde ele deve estar. Depois acrescenta o caractere mais provável, dez vezes. `tryGpu` usa uma placa gráfica, se o navegador oferecer uma.',
    ],
    train: [
      'Os pesos são aleatórios, e o texto não faz sentido. Agora treinamos como o livro: descida do gradiente estocástica com taxa de aprendizado 1 e recorte de gradiente, que reduz os gradientes sempre que a sua norma passa de 1.',
      'A medida é a *perplexidade*, a exponencial da perda média: 28 para quem chuta às cegas, 1 para quem tem certeza. O livro treina por 500 épocas. A célula tem 50, que levam alguns segundos; escreva 500, se puder esperar um ou dois minutos. Você pode parar a qualquer momento: o modelo guarda o que já aprendeu.',
    ],
    write: ['E agora, o que ele escreve?'],
    'scratch-parameters': [
      'Os parâmetros: pesos da entrada para o estado oculto, do estado oculto para ele mesmo e dele para a saída, com os seus vieses.',
    ],
    'scratch-rnn': ['O modelo é um laço sobre o tempo. É isso que a camada nos poupa.'],
    'scratch-predict': ['A previsão, com período de aquecimento:'],
    'scratch-step': ['A perda, o recorte de gradiente e um passo da descida do gradiente:'],
    'scratch-train': [
      'E o laço sobre épocas e minibatches. O estado passa de um minibatch para o seguinte, mas separado do grafo, para que os gradientes não voltem além de um minibatch.',
    ],
    comparison: [
      'Compare-as no seu navegador: esta célula treina a camada por tantas épocas quantas a versão do zero acabou de ter, e põe as duas lado a lado.',
    ],
    'overfit-data': [
      'Então treinamos com muito pouco texto, 6.000 caracteres, e guardamos os 6.000 seguintes para comparar.',
    ],
    'overfit-train': [
      'Uma GRU com 256 unidades tem mais de 200.000 parâmetros: de sobra para decorar tão pouco texto.',
    ],
    'overfit-curve': ['Onde a perplexidade do texto separado é menor?'],
    layers: [
      'Pilhas de uma, duas e três camadas, cada uma primeiro com os pesos iniciais pequenos de uma das versões do livro, normais com desvio 0,01, e depois com os habituais desta biblioteca. Esta célula é a mais demorada; você pode diminuir as épocas.',
    ],
    'sine-data': ['Os dados: 1.000 pontos de uma senoide com ruído.'],
    'sine-model': ['O modelo lê uma janela de 32 valores e prevê o seguinte.'],
    'sine-train': ['Ele é treinado com os primeiros 600 pontos, com AdamW e o erro absoluto médio.'],
    'sine-ahead': [
      'Prever mais adiante significa que a rede lê as próprias previsões, porque os valores verdadeiros ainda não são conhecidos.',
    ],
    'sine-curve': ['Até onde ela enxerga?'],
  },
}
